"""One file a family of laws."""

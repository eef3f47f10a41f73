"""A toy figure."""


def draw(tables):
    from matplotlib import pyplot

    shown, axes = pyplot.subplots()
    axes.plot(range(len(tables["strange"])))
    return shown

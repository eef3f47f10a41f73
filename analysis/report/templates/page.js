"use strict";
// claims: search and filters; a link to a claim that a filter hides shows all again
const filters = document.querySelector(".filters"), cards = [...document.querySelectorAll(".card")];
const words = new Map(cards.map(c => [c, (c.id + " " + c.textContent).toLowerCase()]));
function filter() {
  const asked = new FormData(filters), q = (asked.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const c of cards) {
    const fits = q.every(w => words.get(c).includes(w)) && ["verdict", "kind", "experiment"].every(
      n => !asked.get(n) || c.dataset[n] === asked.get(n)) && (!asked.get("law") || c.dataset.law.split(" ").includes(asked.get("law")));
    c.hidden = !fits;
    shown += fits;
  }
  filters.querySelector("output").value = shown + (shown === 1 ? " claim" : " claims");
}
if (filters) { filters.addEventListener("input", filter); filters.addEventListener("submit", e => e.preventDefault()); }
function reveal() {
  const at = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!at) return;
  if (at.hidden) { filters.reset(); filter(); }
  for (let e = at; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
  at.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();
// what blindness costs: closed forms, and J of the laws as measured
const price = document.getElementById("price");
if (price) {
  const laws = JSON.parse(price.dataset.laws), form = price.querySelector("form"), say = price.querySelector(".answer"), f = form.elements;
  for (const law of laws) f.law.add(new Option(law.name.replaceAll("_", " "), law.name));
  const nats = x => (x >= 0.1 ? x.toFixed(2) : x.toExponential(2)) + " nats";
  const show = () => {
    const law = laws.find(l => l.name === f.law.value), own = law.name === "gaussian";
    const k = own ? Math.round(2 ** f.k.value) : law.k, d = Math.round(10 ** f.d.value), s = 10 ** f.s.value;
    f.k.disabled = !own;
    f.ko.value = k; f.do.value = d.toExponential(0); f.so.value = s.toFixed(s < 10 ? 1 : 0);
    if (d <= Math.max(k, law.m * !own)) { say.textContent = "d must be larger than the dimension of the data."; return; }
    const clean = own ? k / (2 * (d - k)) : law.J / (2 * d), ends = s * 40;
    const told = {clean: clean, noise: 0.5 * Math.log(ends), score: 2 * Math.log(ends),
      velocity: 0.5 * (Math.log(20 / 21) + 1 / 21 - Math.log(1 / (s + 1)) - s / (s + 1))}[f.predicts.value];
    const bound = 2 * k * (k * k / d) * s * s;
    say.textContent = "price " + nats(told) + (f.predicts.value === "clean" ? (own ? " = k/(2(d-k))" : " = J/(2d), J = " + law.J.toPrecision(3) + " measured")
      + "; Theorem 3.6 with constant one: " + nats(bound) : " (derived for k much smaller than d; it does not fall with d)") + ".";
  };
  form.addEventListener("input", show); show();
}
// a run in slow motion
const slow = document.getElementById("slow");
if (slow) {
  const run = JSON.parse(slow.dataset.run), f = slow.querySelector("form").elements, pictures = [...slow.querySelectorAll("svg")];
  const last = Math.max(...Object.values(run).map(r => r.sigma.length)) - 1, ns = "http://www.w3.org/2000/svg";
  f.step.max = last;
  const add = (svg, kind, values) => { const e = document.createElementNS(ns, kind); for (const n in values) e.setAttribute(n, values[n]); svg.append(e); };
  const draw = () => {
    const i = +f.step.value;
    f.o.value = i;
    ["2", "500"].forEach((d, p) => {
      const r = run[d], svg = pictures[p], reach = Math.max(4, 2.5 * r.sigma[Math.min(i, r.sigma.length - 1)]);
      svg.replaceChildren();
      for (const path of r.paths) {
        const at = path[Math.min(i, path.length - 1)];
        add(svg, "circle", {cx: 75 + 70 * at[0] / reach, cy: 120 - 70 * at[1] / reach, r: 3, fill: "#0072b2"});
      }
      const x = n => 170 + 140 * n / last, y = s => 215 - 190 * (Math.log10(Math.max(s, 0.005)) + 2.3) / 3.6;
      add(svg, "polyline", {points: r.sigma.map((s, n) => x(n) + "," + y(s)).join(" "), fill: "none", stroke: "currentColor", "stroke-width": 1.2});
      for (const path of r.paths) for (let n = 0; n <= Math.min(i, path.length - 1); n++)
        add(svg, "circle", {cx: x(n), cy: y(path[n][2]), r: 1.6, fill: "#d55e00"});
      add(svg, "rect", {x: 2, y: 45, width: 146, height: 150, fill: "none", stroke: "currentColor", "stroke-width": .5});
    });
  };
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; f.play.textContent = "play"; };
  f.play.addEventListener("click", () => {
    if (timer) { stop(); return; }
    if (+f.step.value === last) f.step.value = 0;
    f.play.textContent = "pause";
    timer = setInterval(() => { f.step.value = +f.step.value + 1; draw(); if (+f.step.value === last) stop(); }, 350);
  });
  f.step.addEventListener("input", draw);
  draw();
}

// Moves dots along the ways that plan.py has made. Data comes about once a second; in between, every
// place follows from the time alone. Names go in through textContent only: they come from people.

export const LENSES = [1, 5, 20, 60, 200];
export const TRAVEL = 650; // milliseconds that a dot is seen to travel from one station to the next
export const LONGEST = 3000; // milliseconds to which a hop is drawn out; what took longer is shown as it was
const FADES = { projected: 900, ignored: 900, duplicate: 1600, dead: 4000 }; // milliseconds after the end
const SLOT = 17; // pixels from dot to dot in a queue
const FEW = 7; // dots that are still named

// The pure part: times in milliseconds, a way is [[station, seconds since the epoch], …].

export function stretched(seconds, lens) {
  const real = Math.max(0, seconds) * 1000;
  return Math.max(real, Math.min(real * lens, LONGEST));
}

// When the dot is shown to come to each station of its way. `shown` has those that are settled:
// they stay. What is learned late is shown late, never in the past.
export function arrivals(way, shown, lens, now) {
  const times = shown.slice(0, way.length);
  for (let k = times.length; k < way.length; k++) {
    const planned = times[k - 1] + Math.max(TRAVEL, stretched(way[k][1] - way[k - 1][1], lens));
    times.push(Math.max(planned, now + TRAVEL));
  }
  return times;
}

// How many stations two ways have in common: only what comes after may be shown otherwise.
export function inCommon(before, after) {
  let k = 0;
  while (k < before.length && k < after.length && before[k][0] === after[k][0]) k++;
  return k;
}

// At which station of its way the dot is, and how far on to the next: 0 while it waits.
export function whereabouts(times, now) {
  let at = 0;
  while (at + 1 < times.length && now >= times[at + 1]) at++;
  const left = at + 1 < times.length ? times[at + 1] - now : Infinity;
  const gone = left < TRAVEL ? 1 - left / TRAVEL : 0;
  return { at, progress: gone * gone * (3 - 2 * gone) };
}

// Where the n-th in a queue stands; those that find no room stand on the last place.
export function slot(box, n) {
  const columns = Math.max(1, Math.floor(box.width / SLOT));
  const rows = Math.max(1, Math.floor(box.height / SLOT));
  const place = Math.min(n, columns * rows - 1);
  return { x: box.x + SLOT * ((place % columns) + 0.5), y: box.y + SLOT * (Math.floor(place / columns) + 0.5) };
}

// Where one is who has gone this part of a line through the points.
export function along(points, progress) {
  const lengths = points.slice(1).map((point, k) => Math.hypot(point.x - points[k].x, point.y - points[k].y));
  let left = progress * lengths.reduce((sum, length) => sum + length, 0);
  let k = 0;
  while (k + 1 < lengths.length && left > lengths[k]) left -= lengths[k++];
  const part = lengths[k] > 0 ? left / lengths[k] : 1;
  const [from, to] = [points[k], points[k + 1]];
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

// From the side of one box to the nearest side of the other, at a height, or a place, that both have.
export function pipe(from, to) {
  const middle = (low, high) => (low + high) / 2;
  if (to.left >= from.right) {
    const y = middle(Math.max(from.top, to.top), Math.min(from.bottom, to.bottom));
    return [{ x: from.right, y }, { x: to.left, y }];
  }
  const x = middle(Math.max(from.left, to.left), Math.min(from.right, to.right));
  const down = to.top >= from.bottom;
  return [{ x, y: down ? from.bottom : from.top }, { x, y: down ? to.top : to.bottom }];
}

// The part that draws.

const stages = new WeakMap(); // by the element that the component lives in: it outlives a rerun
let chosenLens = 3; // and the choice outlives a visit to another page

export default function (component) {
  const { data, parentElement: root, setTriggerValue } = component;
  let stage = stages.get(root);
  if (!stage) {
    stage = mounted(root, data);
    stages.set(root, stage);
  }
  stage.tell = setTriggerValue;
  drawCards(root, data);
  takeIn(stage, data);
}

function mounted(root, data) {
  const stage = { root, dots: new Map(), over: new Set(), boxes: {}, cards: {}, moving: false };
  stage.flow = root.querySelector(".flow");
  stage.layer = root.querySelector(".dots");
  stage.still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const slider = root.querySelector("input");
  slider.value = chosenLens;
  slider.oninput = () => {
    chosenLens = Number(slider.value);
    sayLens(root);
  };
  sayLens(root);
  for (const button of root.querySelectorAll("button")) {
    button.onclick = () => {
      button.disabled = true; // until the next data say what came of it: a double click is one click
      stage.tell("act", { do: button.dataset.do, gate: button.dataset.gate ?? null, to: button.dataset.to ?? null, at: Date.now() });
    };
  }
  new ResizeObserver(() => measure(stage)).observe(stage.flow);
  measure(stage);
  for (const dot of data.dots) if (dot.fate) stage.over.add(dot.id); // ended before anybody looked
  stage.isNew = true;
  return stage;
}

function sayLens(root) {
  const lens = LENSES[chosenLens];
  root.querySelector("output").textContent =
    lens === 1 ? "as fast as it is" : `${lens}× slower; no hop longer than ${LONGEST / 1000} s, unless it was`;
}

function measure(stage) {
  const origin = stage.flow.getBoundingClientRect();
  stage.middle = origin.width / 2;
  for (const station of stage.root.querySelectorAll("[data-station]")) {
    const box = station.querySelector(".slots").getBoundingClientRect();
    stage.cards[station.dataset.station] = station.closest(".card").dataset.card;
    stage.boxes[station.dataset.station] = { x: box.x - origin.x, y: box.y - origin.y, width: box.width, height: box.height };
  }
  stage.boxes.gone = stage.boxes.inbox;
  stage.cards.gone = stage.cards.inbox;
  drawPipes(stage, origin);
  wake(stage);
}

// Where events go: from card to card, sideways, or down on a narrow screen.
const PIPES = [
  ["user-service", "user relay"], ["order-service", "order relay"], ["payment-service", "payment relay"],
  ["user relay", "broker"], ["order relay", "broker"], ["payment relay", "broker"],
  ["broker", "consumer"], ["broker", "order consumer"], ["broker", "payment consumer"],
  ["consumer", "invoices"], ["consumer", "dead letters"], ["order consumer", "dead letters"], ["payment consumer", "dead letters"],
];

function drawPipes(stage, origin) {
  const boxes = {};
  for (const card of stage.root.querySelectorAll(".card")) {
    const { left, right, top, bottom } = card.getBoundingClientRect();
    boxes[card.dataset.card] = { left: left - origin.x, right: right - origin.x, top: top - origin.y, bottom: bottom - origin.y };
  }
  stage.pipe = (from, to) => (from === to ? [] : pipe(boxes[from], boxes[to]));
  const lines = PIPES.map(([from, to]) => {
    const [start, end] = stage.pipe(from, to);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", `M${start.x} ${start.y} L${end.x} ${end.y}`);
    return line;
  });
  stage.root.querySelector(".pipes").replaceChildren(...lines);
}

function drawCards(root, data) {
  const say = (kind, names) => {
    for (const place of root.querySelectorAll(`[data-${kind}]`)) place.textContent = names[place.dataset[kind]] ?? "";
  };
  say("value", data.values);
  say("state", data.states);
  say("name", data.names);
  for (const card of root.querySelectorAll(".card")) {
    for (const mode of ["running", "paused", "stuck", "away", "unknown"]) card.classList.toggle(mode, data.modes[card.dataset.card] === mode);
  }
  for (const button of root.querySelectorAll("button[data-gate]")) {
    const gate = button.dataset.gate;
    const paused = data.modes[gate] === "paused";
    const toggles = button.dataset.do === "toggle";
    button.hidden = !data.controls;
    button.textContent = toggles ? (paused ? "Run" : "Pause") : "Step";
    button.ariaLabel = toggles ? `${paused ? "Resume" : "Pause"} ${gate}` : `Step ${gate}`;
    button.dataset.to = paused ? "running" : "paused";
    button.disabled = ["away", "unknown"].includes(data.modes[gate]) || (!toggles && !paused);
  }
  root.querySelector("button.main").disabled = !data.orders;
  root.querySelector(".legend").textContent = data.legend;
}

function takeIn(stage, data) {
  const now = performance.now();
  const lens = LENSES[chosenLens];
  const fresh = data.dots.filter((dot) => !stage.dots.has(dot.id) && !stage.over.has(dot.id));
  const first = Math.min(...fresh.map((dot) => dot.way[0][1]));
  for (const told of data.dots) {
    if (stage.over.has(told.id)) continue;
    let dot = stage.dots.get(told.id);
    if (!dot) {
      dot = { element: drawn(stage.layer), way: [], times: [] };
      stage.dots.set(told.id, dot);
      // Who is under way when the page opens stands where it is; whoever comes later sets out.
      const apart = Math.min(1000, (told.way[0][1] - first) * 1000);
      dot.times = stage.isNew ? told.way.map(() => now - 1) : [now + apart];
      dot.way = stage.isNew ? told.way : told.way.slice(0, 1);
    }
    const kept = Math.max(1, inCommon(dot.way, told.way));
    dot.times = arrivals(told.way, dot.times.slice(0, kept), lens, now);
    Object.assign(dot, { way: told.way, fate: told.fate, label: told.label });
    dress(dot, told);
  }
  const known = new Set(data.dots.map((dot) => dot.id));
  for (const [id, dot] of stage.dots) if (!known.has(id) && !dot.fate) remove(stage, id); // lost from sight
  for (const id of stage.over) if (!known.has(id)) stage.over.delete(id);
  stage.isNew = false;
  wake(stage);
}

function drawn(layer) {
  const element = document.createElement("div");
  element.appendChild(document.createElement("i"));
  layer.appendChild(element);
  return element;
}

function dress(dot, told) {
  const retried = told.tries > 1;
  const fate = told.fate === "dead" || told.fate === "duplicate" ? told.fate : "";
  dot.element.className = `dot ${["user", "account", "reservation", "payment"].includes(told.topic) ? told.topic : ""} ${fate} ${retried ? "retried" : ""}`;
  const name = fate === "dead" ? told.says : told.label;
  dot.name = name + (retried ? ` · try ${told.tries}` : "") + (fate === "duplicate" ? " · duplicate" : "");
}

function remove(stage, id) {
  stage.dots.get(id).element.remove();
  stage.dots.delete(id);
}

function wake(stage) {
  if (stage.moving) return;
  stage.moving = true;
  requestAnimationFrame((now) => tick(stage, now));
}

function tick(stage, now) {
  stage.moving = false;
  if (!stage.layer.isConnected) return;
  const waiting = {};
  for (const [id, dot] of stage.dots) move(stage, id, dot, now, waiting);
  // A still picture moves with the data only; an empty one not at all.
  if (stage.dots.size > 0 && !stage.still.matches) wake(stage);
}

function move(stage, id, dot, now, waiting) {
  const { at, progress } = stage.still.matches ? { at: dot.way.length - 1, progress: 0 } : whereabouts(dot.times, now);
  const over = dot.fate && at === dot.way.length - 1 ? (stage.still.matches ? 1 : (now - dot.times[at]) / FADES[dot.fate]) : 0;
  if (over >= 1) {
    stage.over.add(id);
    remove(stage, id);
    return;
  }
  const station = dot.way[at][0];
  const here = slot(stage.boxes[station], (waiting[station] = (waiting[station] ?? -1) + 1));
  let target = here;
  if (progress > 0) {
    waiting[station]--;
    const next = dot.way[at + 1][0];
    const there = slot(stage.boxes[next], (waiting[next] ?? -1) + 1);
    dot.line ??= [{ x: dot.x ?? here.x, y: dot.y ?? here.y }, ...stage.pipe(stage.cards[station], stage.cards[next])];
    target = along([...dot.line, there], progress);
  } else if (dot.line) {
    dot.line = null;
  } else if (dot.x !== undefined && !stage.still.matches) {
    target = { x: dot.x + (here.x - dot.x) * 0.2, y: dot.y + (here.y - dot.y) * 0.2 }; // moves up in its queue
  }
  dot.x = target.x;
  dot.y = target.y;
  const side = dot.x > stage.middle ? "left" : "right"; // of the dot stands its name, which may be long
  if (dot.element.dataset.side !== side) dot.element.dataset.side = side;
  const named = stage.dots.size <= FEW && (progress > 0 || waiting[station] === 0);
  show(dot, progress > 0 ? "under way" : station, over, named || (over > 0 && dot.fate !== "projected"));
}

function show(dot, place, over, named) {
  const style = dot.element.style;
  const scale = dot.fate === "duplicate" ? 1 + over : 1;
  style.transform = `translate(${dot.x}px, ${dot.y}px) scale(${scale})`;
  style.opacity = String(over > 0 ? Math.min(1, 1.4 * (1 - over)) : 1);
  if (dot.element.dataset.at !== place) dot.element.dataset.at = place;
  const name = named ? dot.name : "";
  if (dot.element.firstChild.textContent !== name) dot.element.firstChild.textContent = name;
}

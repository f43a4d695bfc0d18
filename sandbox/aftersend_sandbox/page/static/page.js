// Asks for the view of both worlds once a second and puts it on the page; clicks go to the control API.

import { perform, printAll } from "./control.js";
import { clock, count, find, make } from "./dom.js";
import { showRows } from "./rows.js";
import { setUpFaults } from "./faults.js";

const EVERY = 1000; // ms between two looks
const wanted = { stage: "", find: "", page: 0 };
let timer = 0;
let looks = 0;

async function look() {
  clearTimeout(timer);
  const mine = ++looks;
  try {
    const answer = await fetch(`/page/view?${new URLSearchParams(wanted)}`);
    if (!answer.ok) throw new Error(`The sandbox answered ${answer.status}.`);
    const view = await answer.json();
    if (mine !== looks) return; // a newer request is under way
    show(view);
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away");
  }
  if (mine === looks) timer = setTimeout(look, document.hidden ? EVERY * 5 : EVERY);
}

function show(view) {
  wanted.page = view.page;
  showStages(view);
  showRows(view.rows);
  find("where").textContent =
    `Page ${count(view.page + 1)} of ${count(view.pages)} · ${count(view.matching)} ${view.matching === 1 ? "order" : "orders"}`;
  find("newer").disabled = view.page === 0;
  find("older").disabled = view.page + 1 >= view.pages;
  find("clock").textContent = clock(view.now);
  find("webhook").textContent = view.webhooks.active ? "active" : "not set up";
  find("webhook").className = view.webhooks.active ? "good" : "";
  find("webhook").title = view.webhooks.url;
  find("print-all").disabled = !view.stages.find((stage) => stage.name === "incoming").count;
  find("faults-dot").hidden = view.armed === 0;
  find("delivered").textContent = count(view.webhooks.outcomes.delivered ?? 0);
}

function showStages({ stages, total }) {
  const list = find("stages");
  const all = [{ name: "", text: "all orders", count: total }, ...stages];
  if (!list.children.length) list.append(...all.map(stageButton));
  all.forEach((stage, index) => {
    const button = list.children[index].firstElementChild;
    button.setAttribute("aria-pressed", String(wanted.stage === stage.name));
    button.firstElementChild.textContent = count(stage.count);
  });
}

function stageButton({ name, text }) {
  const button = make("button", { type: "button", class: `chip ${name}` }, make("b", {}, "0"), " ", make("span", {}, text));
  button.addEventListener("click", () => turnTo({ stage: name, page: 0 }));
  return make("li", {}, button);
}

function turnTo(change) {
  Object.assign(wanted, change);
  look();
}

// Runs something that changes the worlds; says what went wrong, then looks again.
async function report(work, said = "") {
  const error = find("error");
  try {
    await work();
    error.hidden = true;
    find("said").textContent = said;
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  }
  look();
}

find("rows").addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-action]");
  if (!button) return;
  const row = button.closest("tr");
  const { number, incoming } = row.dataset;
  const { action, parcel } = button.dataset;
  if (action === "fill") return askNumber(number);
  const parcels = Number(row.querySelector("select[data-count]")?.value ?? 1);
  report(() => perform(action, { number, incoming, parcel, parcels }), `${button.getAttribute("aria-label")}: done`);
});

// Filling the parcel number by hand is how a merchant holds an order back.
function askNumber(number) {
  find("number-order").textContent = number;
  find("number-text").value = `by hand ${number}`;
  find("number").showModal();
  find("number-text").select();
}

find("number-form").addEventListener("submit", () => {
  const number = find("number-order").textContent;
  report(() => perform("fill", { number, text: find("number-text").value }), `Parcel number of order ${number} filled in`);
});
find("number-cancel").addEventListener("click", () => find("number").close());

find("print-all").addEventListener("click", () => report(printAll, "All labels printed"));
find("search").addEventListener("submit", (event) => event.preventDefault());
find("find").addEventListener("input", ({ target }) => turnTo({ find: target.value, page: 0 }));
find("newer").addEventListener("click", () => turnTo({ page: wanted.page - 1 }));
find("older").addEventListener("click", () => turnTo({ page: wanted.page + 1 }));
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });

setUpFaults(report);
look();

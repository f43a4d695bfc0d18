// The drawer with everything that can go wrong (faults) or be otherwise (switches).

import { SECONDS, arm, calm, turn } from "./control.js";
import { find, make } from "./dom.js";

const NAMES = { webhook: "Webhooks", afterbuy: "Afterbuy", sendcloud: "Sendcloud" };

export function setUpFaults(report) {
  const drawer = find("faults-drawer");
  const attempt = (work) => report(async () => { await work(); await show(); });
  find("open-faults").addEventListener("click", () => { drawer.showModal(); report(show); });
  find("close-faults").addEventListener("click", () => drawer.close());
  find("clear-faults").addEventListener("click", () => attempt(calm));
  drawer.addEventListener("click", (event) => { if (event.target === drawer) drawer.close(); });
  find("faults").addEventListener("change", ({ target }) =>
    attempt(() => arm(target.dataset.upstream, target.dataset.kind, target.checked)));
  find("switches").addEventListener("change", ({ target }) => attempt(() => turn(target.name, target.value)));
}

async function show() {
  const answer = await fetch("/page/faults");
  if (!answer.ok) throw new Error(`The sandbox answered ${answer.status}.`);
  const { faults, switches } = await answer.json();
  const focused = document.activeElement?.id;
  find("faults").replaceChildren(...Object.entries(NAMES).map(([upstream, name]) =>
    make("fieldset", {}, make("legend", {}, name), ...faults.filter((each) => each.upstream === upstream).map(faultToggle))));
  find("switches").replaceChildren(...switches.map(switchSelect));
  if (focused) find(focused)?.focus({ preventScroll: true });
}

// The descriptions name the parameters of the control API in backticks; the page has fixed values for them.
const plain = (means, kind) => means.replace("`seconds`", `${SECONDS[kind]} seconds`).replaceAll("`", "");

function faultToggle({ upstream, kind, means, armed, struck }) {
  const id = `fault-${upstream}-${kind}`;
  const box = make("input", {
    type: "checkbox", role: "switch", id, "aria-describedby": `${id}-means`, "data-upstream": upstream, "data-kind": kind,
  });
  box.checked = armed;
  return make("div", { class: "toggle" }, box,
    make("div", {}, make("label", { for: id }, kind.replaceAll("_", " ")), make("small", { id: `${id}-means` }, plain(means, kind))),
    struck ? make("span", { class: "pill note" }, `${struck} ×`) : null);
}

function switchSelect({ name, side, means, values, position }) {
  const id = `switch-${name}`;
  const select = make("select", { id, name, "aria-describedby": `${id}-means` }, ...values.map((value) => make("option", { value, selected: value === position }, value)));
  return make("div", { class: position === values[0] ? "choice" : "choice turned" },
    make("div", {}, make("label", { for: id }, name.replaceAll("_", " ")), make("small", { id: `${id}-means` }, `${means} (${side})`)),
    select);
}

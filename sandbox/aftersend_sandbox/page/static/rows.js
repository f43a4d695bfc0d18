// The rows of the table. A row is only made anew when its content has changed, so that focus and selection survive.

import { day, find, link, make } from "./dom.js";

const shown = new Map(); // order number -> { signature, element }

export function showRows(rows) {
  const body = find("rows");
  const focus = focusedButton();
  const keep = new Set(rows.map((row) => row.number));
  for (const [number, { element }] of shown) {
    if (!keep.has(number)) {
      element.remove();
      shown.delete(number);
    }
  }
  rows.forEach((row, index) => place(body, row, index));
  find("nothing").hidden = rows.length > 0;
  focusAgain(focus);
}

function place(body, row, index) {
  const signature = JSON.stringify(row);
  const old = shown.get(row.number);
  let element = old?.element;
  if (old?.signature !== signature) {
    const fresh = rowElement(row);
    if (old) {
      fresh.classList.add("changed");
      old.element.replaceWith(fresh);
    }
    element = fresh;
    shown.set(row.number, { signature, element });
  }
  if (body.children[index] !== element) body.insertBefore(element, body.children[index] ?? null);
}

function focusedButton() {
  const button = document.activeElement?.closest?.("tbody [data-action], tbody [data-count]");
  if (!button) return null;
  const { action, parcel, count } = button.dataset;
  return { number: button.closest("tr").dataset.number, action, parcel, count };
}

function focusAgain(focus) {
  if (!focus || document.activeElement?.closest?.("tbody")) return;
  const row = shown.get(focus.number)?.element;
  const same = [...(row?.querySelectorAll("button, select") ?? [])].find(
    (each) => each.dataset.action === focus.action && each.dataset.parcel === focus.parcel && each.dataset.count === focus.count,
  );
  (same ?? row?.querySelector("button"))?.focus({ preventScroll: true });
}

function rowElement(row) {
  const left = row.afterbuy ? afterbuyCells(row) : [make("td", { colspan: 5, class: "absent left" },
      row.number ? `Afterbuy does not know the order number ${row.number}.` : "Parcels without an order number.")];
  return make(
    "tr",
    { "data-number": row.number, "data-stage": row.stage, "data-incoming": row.incoming?.id },
    ...left,
    make("td", { class: "middle" }, make("span", { class: `stage ${row.stage}` }, row.stage_text)),
    incomingCell(row.incoming),
    parcelsCell(row),
    labelsCell(row),
  );
}

const action = (name, text, row, more = {}) =>
  make("button", { type: "button", "data-action": name, "aria-label": `${text}, order ${row.number}`, ...more }, text);

const pill = (text, kind = "") => make("span", { class: `pill ${kind}` }, text);

function afterbuyCells(row) {
  const order = row.afterbuy;
  return [
    make("th", { scope: "row", title: `Invented as: ${order.scenario}` },
      make("span", { class: "number" }, row.number), make("small", {}, day(order.ordered))),
    make("td", { class: "buyer" },
      make("span", { class: "name", title: order.name }, order.name || "no name"),
      order.company ? make("small", {}, order.company) : null,
      make("small", {}, make("abbr", { class: "country", title: "Country" }, order.country || "?"), " ", order.place)),
    goodsCell(order),
    make("td", { class: "figure" }, order.weight ?? make("span", { class: "faint" }, "none")),
    numberCell(row, order),
  ];
}

function goodsCell(order) {
  const [first, ...rest] = order.items;
  const more = rest.length ? make("small", { title: rest.join("\n") }, `and ${rest.length} more`) : null;
  return make("td", { class: "goods" },
    make("span", { class: "title", title: first ?? "" }, first ?? "nothing"), more,
    make("span", { class: "pills" }, pill(order.platform), ...order.notes.map((note) => pill(note, "note"))));
}

function numberCell(row, order) {
  const numbers = [order.number, ...order.labels].filter(Boolean);
  const codes = numbers.length
    ? numbers.map((number) => make("span", { class: "code" }, number))
    : [make("span", { class: "faint" }, "empty")];
  const button = order.number ? action("clear", "Clear", row) : action("fill", "Fill in", row);
  return make("td", { class: "parcel-number" },
    make("div", { class: "line" }, make("div", {}, ...codes), make("span", { class: "actions" }, button)),
    order.service || order.shipped ? make("small", {}, [order.service, order.shipped ? "marked as shipped" : ""].filter(Boolean).join(" · ")) : null,
    make("span", { class: "pills" }, ...order.tags.map((tag) => pill(tag, "tag"))));
}

function incomingCell(incoming) {
  if (!incoming) return make("td", { class: "faint right-first" }, "–");
  return make("td", { class: "right-first" },
    make("span", {}, incoming.saved ? `No. ${incoming.id}` : "being saved …"),
    make("small", {}, incoming.indicator),
    make("small", {}, incoming.weight),
    make("span", { class: "pills" },
      ...incoming.tags.map((tag) => pill(tag, "tag")), incoming.customs ? pill("customs", "note") : null));
}

function parcelsCell(row) {
  if (!row.parcels.length) return make("td", { class: "faint" }, "–");
  return make("td", {}, make("ul", { class: "parcels" }, ...row.parcels.map((parcel) => parcelItem(row, parcel))));
}

function parcelItem(row, parcel) {
  const more = { "data-parcel": parcel.id };
  const sent = parcel.phase === "label" || parcel.phase === "underway";
  return make("li", { class: parcel.phase },
    make("span", { class: "line" },
      make("span", { class: `phase ${parcel.phase}` }, parcel.status),
      ...[parcel.collo, parcel.return ? "return" : "", parcel.carrier].filter(Boolean).map((text) => make("small", {}, text))),
    parcel.number ? make("span", { class: "code" }, link(parcel.url, parcel.number)) : make("span", { class: "faint" }, "no number"),
    make("span", { class: "actions" },
      parcel.phase === "label" ? action("pickup", "Pick up", row, more) : null,
      sent ? action("deliver", "Deliver", row, more) : null,
      parcel.phase === "label" ? action("cancel", "Cancel", row, more) : null));
}

function labelsCell(row) {
  if (!row.incoming?.saved) return make("td", { class: "faint" }, "–");
  const printed = row.parcels.some((parcel) => parcel.phase !== "cancelled" && !parcel.return);
  if (!printed) {
    const numbers = [1, 2, 3, 4, 5].map((number) => make("option", { value: number }, String(number)));
    return make("td", {}, make("span", { class: "actions" },
      make("select", { "data-count": true, "aria-label": `How many parcels, order ${row.number}` }, ...numbers),
      action("print", "Print", row, { class: "main" })));
  }
  return make("td", {}, make("span", { class: "actions" }, action("relabel", "Re-label", row), action("return", "Return", row)));
}

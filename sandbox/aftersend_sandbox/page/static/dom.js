// Makes elements. Texts become text nodes and attributes go through setAttribute: nothing is ever parsed as HTML.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export const find = (id) => document.getElementById(id);

// A link only if it leads to a web page: a parcel's link is foreign text.
export function link(url, text) {
  return /^https?:\/\//i.test(url) ? make("a", { href: url, target: "_blank", rel: "noreferrer" }, text) : make("span", {}, text);
}

const berlin = new Intl.DateTimeFormat("de-DE", {
  timeZone: "Europe/Berlin", day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit",
});
const berlinClock = new Intl.DateTimeFormat("de-DE", { timeZone: "Europe/Berlin", dateStyle: "medium", timeStyle: "medium" });

export const day = (iso) => berlin.format(new Date(iso)).replace(",", "");
export const clock = (iso) => berlinClock.format(new Date(iso));
export const count = (number) => number.toLocaleString("en");

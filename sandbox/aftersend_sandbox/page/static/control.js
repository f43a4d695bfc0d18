// What the page asks of the control API: the only place that knows its addresses.

const PICKED_UP = 22;
const DELIVERED = 11;
export const SECONDS = { delayed: 10, latency: 2 }; // of faults that wait

async function call(method, path, body) {
  const answer = await fetch(`/control/${path}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.ok) return;
  const refusal = await answer.json().catch(() => ({}));
  throw new Error(refusal.error ?? `The sandbox answered ${answer.status}.`);
}

const ACTIONS = {
  fill: ({ number, text }) => call("POST", `orders/${number}/number`, { number: text }),
  clear: ({ number }) => call("POST", `orders/${number}/number`, { number: "" }),
  print: ({ incoming, parcels }) => call("POST", `incoming/${incoming}/labels`, { count: parcels }),
  relabel: ({ incoming }) => call("POST", `incoming/${incoming}/relabel`, {}),
  return: ({ incoming }) => call("POST", `incoming/${incoming}/return`, {}),
  cancel: ({ parcel }) => call("POST", `parcels/${parcel}/cancel`, {}),
  pickup: ({ parcel }) => call("POST", `parcels/${parcel}/move`, { status: PICKED_UP }),
  deliver: ({ parcel }) => call("POST", `parcels/${parcel}/move`, { status: DELIVERED }),
};

// Everything that a button of a row can do.
export const perform = (action, target) => ACTIONS[action](target);

export const printAll = () => call("POST", "incoming/labels", { all: true });

export const arm = (upstream, kind, on) =>
  on
    ? call("POST", "faults", { upstream, kind, seconds: SECONDS[kind] ?? 0 })
    : call("DELETE", `faults?${new URLSearchParams({ upstream, kind })}`);

export const calm = () => call("DELETE", "faults");

export const turn = (name, position) => call("POST", "switches", { [name]: position });

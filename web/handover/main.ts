// The script of the page on which a merchant seals credentials (aftersend/handover/page.py renders it).
//
// It makes the webhook signature key, checks what was entered, seals it with age to all recipients, shows the text, and
// clears every field. It stores nothing, logs nothing, and makes no request: the policy of the page forbids it as well.
import { Encrypter, armor } from "age-encryption";

interface Config {
  v: number;
  tenant: string;
  recipients: string[];
  words: string[];
  fingerprint: { salt: string; iterations: number; count: number };
  texts: Record<string, string>;
}

const LONGEST = 200;
const REQUIRED = ["partnerToken", "accountToken", "publicKey", "secretKey", "webhookSignatureKey"];
const FIELDS = [...REQUIRED, "partnerId"];

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const field = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);
const config: Config = JSON.parse(byId("config").textContent ?? "");
const text = (name: string): string => config.texts[`js_${name}`] ?? "";

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The five words for the keys that are really used; the same as `aftersend handover fingerprint`. */
async function words(): Promise<string> {
  const encoder = new TextEncoder();
  const { salt, iterations, count } = config.fingerprint;
  const keys = encoder.encode([...config.recipients].sort().join("\n"));
  const base = await crypto.subtle.importKey("raw", keys, "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: encoder.encode(salt), iterations };
  const bits = await crypto.subtle.deriveBits(parameters, base, count * 8);
  return Array.from(new Uint8Array(bits), (byte) => config.words[byte]).join(" ");
}

function trimmed(id: string): string {
  return field(id).value.replace(/^[\s\u200b\u2060\ufeff]+|[\s\u200b\u2060\ufeff]+$/g, "");
}

/** What is wrong with the fields, in words, or an empty text. */
function problem(values: Record<string, string>): string {
  const label = (id: string): string => field(id).labels?.[0]?.firstChild?.textContent?.trim() ?? id;
  for (const id of FIELDS) {
    if (!values[id]) {
      if (REQUIRED.includes(id)) return text("missing") + label(id);
    } else if (!/^[!-~]+$/.test(values[id])) return text("blank") + label(id);
    else if (values[id].length > LONGEST) return text("long") + label(id);
  }
  if (values.partnerId && !/^[0-9]{1,20}$/.test(values.partnerId)) return text("digits") + label("partnerId");
  return field("entered").checked ? "" : text("entered");
}

function contents(values: Record<string, string>): string {
  const afterbuy: Record<string, string> = { partnerToken: values.partnerToken, accountToken: values.accountToken };
  if (values.partnerId) afterbuy.partnerId = values.partnerId;
  const { publicKey, secretKey, webhookSignatureKey } = values;
  const created = new Date().toISOString().replace(/\.[0-9]+Z$/, "Z");
  return JSON.stringify({
    v: config.v,
    tenant: config.tenant,
    created,
    afterbuy,
    sendcloud: { publicKey, secretKey, webhookSignatureKey },
  });
}

async function sealed(values: Record<string, string>): Promise<string> {
  const encrypter = new Encrypter();
  config.recipients.forEach((recipient) => encrypter.addRecipient(recipient));
  return armor.encode(await encrypter.encrypt(contents(values))).trim() + "\n";
}

function complain(about: string): void {
  byId("problem").textContent = about;
  byId("problem").hidden = !about;
}

function clear(): void {
  for (const id of FIELDS) field(id).value = "";
  field("entered").checked = false;
  byId("form").remove();
}

async function seal(): Promise<void> {
  const values = Object.fromEntries(FIELDS.map((id) => [id, trimmed(id)]));
  const about = problem(values);
  complain(about);
  if (about) return;
  try {
    byId<HTMLTextAreaElement>("sealed").value = await sealed(values);
  } catch {
    complain(text("failed"));
    return;
  }
  clear();
  byId("done").hidden = false;
}

async function copy(from: string, button: string): Promise<void> {
  const source = byId<HTMLInputElement>(from);
  source.select();
  try {
    await navigator.clipboard.writeText(source.value);
  } catch {
    document.execCommand("copy");
  }
  byId(button).textContent = text("copied");
}

function save(): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([field("sealed").value], { type: "text/plain" }));
  link.download = `${config.tenant}.age`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function start(): Promise<void> {
  if (!globalThis.crypto?.subtle) {
    byId("no-crypto").hidden = false;
    return;
  }
  byId("form").hidden = false;
  field("webhookSignatureKey").value = newKey();
  byId("seal").addEventListener("click", () => void seal());
  byId("copy-key").addEventListener("click", () => void copy("webhookSignatureKey", "copy-key"));
  byId("copy-sealed").addEventListener("click", () => void copy("sealed", "copy-sealed"));
  byId("save").addEventListener("click", save);
  byId("words").textContent = await words();
}

void start();

// Reads a FHIR Consent into what a patient is shown. Whatever the page could not show, it refuses: a
// signature is over the whole document, so nothing may stand in it unseen.

const ONCE = "urn:ehrportal:consent:once";
const KINDS = "urn:ehrportal:kind";

/** The document says something that this page cannot show. */
export class Unreadable extends Error {}

export function read(text, header) {
  const document = parsed(text);
  only(document, [
    "resourceType", "id", "modifierExtension", "status", "scope", "category", "patient", "dateTime",
    "performer", "organization", "policyRule", "provision",
  ]); // prettier-ignore
  const provision = document.provision;
  only(provision, ["type", "period", "actor", "action", "purpose", "securityLabel", "class", "data"]);
  only(provision.period, ["start", "end"]);
  need(document.resourceType === "Consent" && header.resourceType === "Consent", "another resource");
  need(document.id === header.id && header.topic === "consent", "another header");
  need(document.status === "active" && provision.type === "permit", "not a permission");
  need(codes([document.scope])[0] === "patient-privacy", "another scope");
  need(codes(provision.action).join() === "access", "another action");
  need(document.performer.length === 1, "another performer");
  need(document.performer[0].reference === document.patient.reference, "another performer");

  const start = moment(provision.period.start);
  const end = moment(provision.period.end);
  need(start < end, "ends before it begins");
  return {
    grantee: grantee(provision.actor),
    hospital: shown(one(document.organization).display),
    kinds: (provision.class ?? []).map((kind) => coded(kind, KINDS)),
    records: (provision.data ?? []).map(record),
    sensitive: (provision.securityLabel ?? []).map((label) => coded(label)),
    purposes: provision.purpose.map((purpose) => coded(purpose)),
    start,
    end,
    isOnce: isOnce(document.modifierExtension),
  };
}

function parsed(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Unreadable("not JSON");
  }
  // A key that stands twice, or a number that others read otherwise, would not come out again as it went in.
  need(JSON.stringify(found) === text, "not written plainly");
  return found;
}

function grantee(actors) {
  const actor = one(actors);
  only(actor, ["role", "reference"]);
  need(codes([actor.role])[0] === "IRCP", "another role");
  only(actor.reference, ["reference", "display"]);
  const address = actor.reference.reference;
  need(typeof address === "string" && URL.canParse(address), "no address");
  return { name: shown(actor.reference.display), address, host: new URL(address).host };
}

function record(item) {
  only(item, ["meaning", "reference"]);
  only(item.reference, ["reference", "display"]);
  need(item.meaning === "instance", "more than a record");
  need(/^urn:uuid:[0-9a-f-]{36}$/.test(item.reference.reference), "no record");
  return shown(item.reference.display);
}

function coded(coding, system) {
  only(coding, ["system", "code", "display"]);
  need(typeof coding.code === "string" && (!system || coding.system === system), "no code");
  return shown(coding.display);
}

function codes(concepts) {
  return concepts.map((concept) => {
    only(concept, ["coding"]);
    return one(concept.coding).code;
  });
}

function isOnce(extensions) {
  if (extensions === undefined) return false;
  const extension = one(extensions);
  only(extension, ["url", "valueBoolean"]);
  need(extension.url === ONCE && extension.valueBoolean === true, "an unknown extension");
  return true;
}

function moment(text) {
  need(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/.test(text), "no moment");
  const found = new Date(text);
  need(!Number.isNaN(found.getTime()), "no moment");
  return found;
}

function one(list) {
  need(Array.isArray(list) && list.length === 1, "more or less than one");
  return list[0];
}

function only(object, names) {
  need(typeof object === "object" && object !== null && !Array.isArray(object), "no object");
  for (const name of Object.keys(object)) need(names.includes(name), `an unknown ${name}`);
}

function need(isSo, what) {
  if (!isSo) throw new Unreadable(what);
}

/** Return words without the characters that would steer a reader's eye or turn lines around. */
function shown(text) {
  need(typeof text === "string" && text.trim() !== "", "no words");
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

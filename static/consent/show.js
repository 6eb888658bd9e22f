// Fills the page with what a document says. Text only: nothing in a document can become a part of the page.

/** Show a consent in the places that the page has for it. */
export function show(consent, { language, timeZone }) {
  const when = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short", timeZone });
  fill("who", [consent.grantee.name]);
  fill("where", [consent.grantee.host]);
  fill("kinds", consent.kinds);
  fill("records", consent.records);
  fill("sensitive", consent.sensitive);
  fill("why", consent.purposes);
  fill("from", [when.format(consent.start)]);
  fill("until", [when.format(consent.end)]);
  fill("hospital", [consent.hospital]);
  reveal(consent.isOnce ? "once" : "standing");
  reveal(consent.sensitive.length > 0 ? "some-sensitive" : "nothing-sensitive");
}

function fill(name, texts) {
  if (texts.length === 0) return;
  const place = document.querySelector(`[data-fill="${name}"]`);
  place.replaceChildren(
    ...texts.map((text) => {
      // Isolated, so that words from right to left do not rearrange those around them.
      const isolated = document.createElement("bdi");
      isolated.textContent = text;
      if (place.tagName !== "UL") return isolated;
      const item = document.createElement("li");
      item.append(isolated);
      return item;
    }),
  );
  reveal(name);
}

function reveal(name) {
  for (const part of document.querySelectorAll(`[data-shown-with="${name}"]`)) part.hidden = false;
}

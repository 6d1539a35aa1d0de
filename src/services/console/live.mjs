// @ts-nocheck It runs in a browser, whose names the project's types do not have.
/**
 * Keeps an open page as it would be if it were loaded now: the server says that something changed, and the page loads itself and takes the
 * new content. It knows nothing of what is in it.
 */
const sign = document.querySelector("[data-live]");
const content = () => document.getElementById("content");
let isLoading = false;
let isWanted = false;

function say(state, text) {
  if (!sign) return;
  sign.dataset.state = state;
  sign.textContent = text;
}

/** What somebody writes in is not taken from them. */
function isEdited() {
  const field = document.activeElement;
  return field instanceof HTMLInputElement && content().contains(field) && field.value !== field.defaultValue;
}

/** Where in the page somebody is, so that they are there again. */
function placeOf(element) {
  if (!element || !content().contains(element)) return undefined;
  const all = [...content().querySelectorAll("a, button, input, select, summary, [tabindex]")];
  return all.indexOf(element);
}

function show(page) {
  const fresh = page.getElementById("content");
  if (!fresh || fresh.innerHTML === content().innerHTML) return;
  const place = placeOf(document.activeElement);
  const open = [...content().querySelectorAll("details")].map((each) => each.open);
  content().replaceChildren(...fresh.childNodes);
  for (const [index, each] of [...content().querySelectorAll("details")].entries())
    each.open = open[index] ?? each.open;
  if (place === undefined || place < 0) return;
  content().querySelectorAll("a, button, input, select, summary, [tabindex]")[place]?.focus({ preventScroll: true });
}

async function refresh() {
  if (isLoading) {
    isWanted = true;
    return;
  }
  isLoading = true;
  do {
    isWanted = false;
    if (isEdited()) break;
    // The header says that nobody did anything: the session does not last longer for it.
    const answer = await fetch(location.href, { headers: { "x-menagerie-live": "1" }, redirect: "manual" }).catch(
      () => undefined,
    );
    if (answer?.type === "opaqueredirect") return end();
    if (answer?.ok) {
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      say("live", "live");
    }
  } while (isWanted);
  isLoading = false;
}

function end() {
  events?.close();
  location.assign(`/login?${new URLSearchParams({ next: location.pathname + location.search })}`);
}

let events;

/** A browser opens six connections to a host at once, and each page that listens takes one: only a page that is seen listens. */
function listen() {
  events?.close();
  events = undefined;
  if (document.hidden) return say("still", "as of now");
  events = new EventSource("/events");
  events.addEventListener("open", () => say("live", "live"));
  events.addEventListener("state", () => void refresh());
  events.addEventListener("counts", () => void refresh());
  events.addEventListener("ended", end);
  events.addEventListener("error", () => say("still", "as of now"));
}

listen();
document.addEventListener("visibilitychange", () => {
  listen();
  if (!document.hidden) void refresh();
});
addEventListener("pagehide", () => events?.close());
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) listen();
});

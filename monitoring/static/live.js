// The value of a page, asked for again and again, through restarts of the server.

const EVERY_MS = 2000;
const PATIENCE_MS = 10000;

/**
 * Ask `address()` every two seconds while the page is to be seen. `onValue` gets each value,
 * `onFault` a sentence where there is none.
 */
export function follow(address, onValue, onFault) {
  let timer = 0;
  let asking = null;

  async function ask() {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    const late = setTimeout(() => mine.abort(), PATIENCE_MS);
    try {
      const answer = await fetch(address(), { signal: mine.signal, cache: "no-store" });
      const value = await answer.json();
      if (mine !== asking) return;
      if (answer.ok) onValue(value);
      else onFault(value.error);
    } catch {
      if (mine !== asking) return;
      onFault("");
    } finally {
      clearTimeout(late);
    }
    if (!document.hidden) timer = setTimeout(ask, EVERY_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else ask();
  });
  ask();
  return ask;
}

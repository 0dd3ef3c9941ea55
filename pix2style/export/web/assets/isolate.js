// Browsers give WebAssembly threads only on isolated pages, which takes two headers that most web servers do not send.
// service-worker.js adds them to the files of this folder. It has to run before the page is loaded, so the first visit
// loads the page twice.

const READY_MS = 10_000;
const TRIED = "pix2style isolation"; // in this tab: a page that stays without isolation is not loaded again and again

/** Isolate the page. Returns true if it is about to be loaded again. */
export async function isolate() {
  const isPossible = self.isSecureContext && navigator.serviceWorker && self.top === self;
  if (self.crossOriginIsolated || !isPossible || navigator.hardwareConcurrency < 2) return false;
  try {
    if (sessionStorage.getItem(TRIED)) return false;
    sessionStorage.setItem(TRIED, "yes");
    await navigator.serviceWorker.register("service-worker.js");
    // It is never ready if its installation fails, for example where a server gives another file in its place.
    await Promise.race([navigator.serviceWorker.ready, new Promise((_, fail) => setTimeout(fail, READY_MS))]);
  } catch {
    return false; // private windows and settings may forbid it: the page works with one thread
  }
  location.reload();
  return true;
}

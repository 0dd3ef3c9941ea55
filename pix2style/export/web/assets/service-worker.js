// Adds the headers that isolate the page (see isolate.js) to the files of its folder. It stores nothing.

const PAGE = 'src="page.js"'; // in this page's index.html

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (new URL(request.url).origin === self.location.origin) event.respondWith(answer(request));
});

async function answer(request) {
  const response = await fetch(request);
  // Another page may have replaced this one: then it gets no headers, and the worker removes itself.
  if (request.mode === "navigate" && !(await response.clone().text()).includes(PAGE)) {
    await self.registration.unregister();
    return response;
  }
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

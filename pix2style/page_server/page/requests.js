// Requests to the page's own server, and messages to the person.

const status = document.getElementById("status");

export function say(text, isBad = false) {
  status.textContent = text;
  status.classList.toggle("bad", isBad);
}

// Send a request; throw an error with the server's message and the HTTP status if it is refused.
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The program does not answer: is it still running?");
  }
  if (response.ok) return response;
  let message = `The request failed (${response.status}).`;
  try {
    message = (await response.json()).error || message;
  } catch { /* the answer is no JSON: the message above has to do */ }
  if (response.status === 401) message = "Open the page again by the address that the program printed, which contains the token.";
  throw Object.assign(new Error(message), {status: response.status});
}

export async function askJson(path, options) {
  return (await ask(path, options)).json();
}

export function post(path, value, options = {}) {
  return ask(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(value), ...options});
}

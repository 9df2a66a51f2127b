// What a page of the documentation prints goes to the page that holds it.
console.log = (...values) => parent.postMessage(values.join(" "), "*");
addEventListener("error", (event) => console.log(`failed: ${event.message}`));
addEventListener("unhandledrejection", (event) => console.log(`failed: ${event.reason}`));

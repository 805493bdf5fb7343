SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  requestInterceptor: (request) => (window.withSession ? window.withSession(request) : request),
  showMutatedRequest: false,
});

/** What Swagger UI makes that a keyboard does not reach or a screen reader does not name, and how it is mended. */
const mends = {
  // A link in a button, which opens the same operation as the button.
  ".opblock-summary-control a[href]": (link) => link.removeAttribute("href"),
  // What scrolls is scrolled by keys.
  "pre:not([tabindex])": (code) => code.setAttribute("tabindex", "0"),
  ".close-modal:not([aria-label])": (button) => button.setAttribute("aria-label", "Close"),
  // A name that is another one than what is written on it.
  ".modal-btn[aria-label]": (button) => button.removeAttribute("aria-label"),
};
const reference = document.getElementById("reference");
new MutationObserver(() => {
  for (const [selector, mend] of Object.entries(mends)) reference.querySelectorAll(selector).forEach(mend);
}).observe(reference, { childList: true, subtree: true });

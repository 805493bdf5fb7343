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

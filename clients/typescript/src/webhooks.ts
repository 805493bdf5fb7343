import type { List } from "./list.js";
import { methodsOf } from "./method.js";
import * as api from "./schema/schema.js";
import type { Secret } from "./secret.js";
import type { Call, Options } from "./transport.js";

/** An endpoint with the secret that signs what it is sent, which the server returns only once. */
export interface WebhookEndpointWithSecret {
  endpoint: api.WebhookEndpoint;
  secret: Secret;
}

/**
 * The endpoints to which alerts are sent. Only a developer may call it. What an endpoint
 * receives is verified by `verifyWebhook` of `@openwearables/sdk/webhook`.
 */
export interface Webhooks {
  /** Without kinds, the endpoint gets all of them. An empty list is refused. */
  create(endpoint: api.NewWebhookEndpoint, options?: Options): Promise<WebhookEndpointWithSecret>;
  /** The old secret signs beside the new one for overlapSeconds. */
  rotate(
    id: string,
    overlapSeconds?: number,
    options?: Options,
  ): Promise<WebhookEndpointWithSecret>;
  get(id: string, options?: Options): Promise<api.WebhookEndpoint>;
  /** Changes the given members. null clears the description, and an absent member stays. */
  update(
    id: string,
    patch: api.WebhookEndpointPatch,
    options?: Options,
  ): Promise<api.WebhookEndpoint>;
  /** Deletes an endpoint with its deliveries. */
  delete(id: string, options?: Options): Promise<void>;
  /**
   * Sends a message and resolves with how that ended, within 10 seconds. That it was not
   * taken is no error.
   */
  test(id: string, options?: Options): Promise<api.WebhookDelivery>;
  /** Lists all endpoints, newest first. */
  list(options?: Options): List<api.WebhookEndpoint>;
  /** Lists the deliveries to an endpoint, newest first. */
  deliveries(id: string, options?: Options): List<api.WebhookDelivery>;
}

export function webhooks(call: Call): Webhooks {
  const { one, more, list } = methodsOf(call, api.webhookService);
  return {
    create: more("CreateWebhookEndpoint"),
    rotate: one("RotateWebhookSecret", "id", "overlapSeconds"),
    get: one("GetWebhookEndpoint", "id"),
    update: more("UpdateWebhookEndpoint", "id"),
    delete: one("DeleteWebhookEndpoint", "id"),
    test: one("TestWebhookEndpoint", "id"),
    list: list("ListWebhookEndpoints"),
    deliveries: list("ListWebhookDeliveries", "id"),
  };
}

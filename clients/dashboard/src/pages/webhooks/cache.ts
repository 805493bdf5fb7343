import { createConnectQueryKey } from "@connectrpc/connect-query";
import {
  type GetWebhookEndpointResponse,
  type ListWebhookEndpointsResponse,
  type WebhookEndpoint,
  WebhookService,
} from "@openwearables/sdk/connect";
import { change, queries } from "../../app/queries";

const list = createConnectQueryKey({
  schema: WebhookService.method.listWebhookEndpoints,
  cardinality: "finite",
});
const one = (id: string) =>
  createConnectQueryKey({
    schema: WebhookService.method.getWebhookEndpoint,
    input: { id },
    cardinality: "finite",
  });
const deliveries = createConnectQueryKey({
  schema: WebhookService.method.listWebhookDeliveries,
  cardinality: undefined,
});

/** Shows an endpoint as it is, or as it will be, wherever it is shown. */
export function showWebhook(endpoint: WebhookEndpoint): void {
  change<GetWebhookEndpointResponse>(one(endpoint.id), (old) => ({ ...old, endpoint }));
  change<ListWebhookEndpointsResponse>(list, (old) => ({
    ...old,
    endpoints: old.endpoints.map((e) => (e.id === endpoint.id ? endpoint : e)),
  }));
}

/** Reads the list of endpoints again. */
export function readWebhooks(): void {
  void queries.invalidateQueries({ queryKey: list });
}

/** Reads what was sent again. */
export function readDeliveries(): void {
  void queries.invalidateQueries({ queryKey: deliveries });
}

/** Forgets an endpoint that is gone. */
export function dropWebhook(id: string): void {
  queries.removeQueries({ queryKey: one(id) });
  readWebhooks();
}

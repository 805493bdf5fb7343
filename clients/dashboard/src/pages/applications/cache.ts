import { createConnectQueryKey } from "@connectrpc/connect-query";
import {
  type Application,
  ApplicationService,
  type GetApplicationResponse,
  type ListApplicationsResponse,
} from "@openwearables/sdk/connect";
import type { InfiniteData } from "@tanstack/react-query";
import { change, queries } from "../../app/queries";

const lists = createConnectQueryKey({
  schema: ApplicationService.method.listApplications,
  cardinality: undefined,
});
const one = (appId: string) =>
  createConnectQueryKey({
    schema: ApplicationService.method.getApplication,
    input: { appId },
    cardinality: "finite",
  });

/** Shows an application as it is, wherever it is shown. */
export function showApplication(application: Application): void {
  change<GetApplicationResponse>(one(application.appId), (old) => ({ ...old, application }));
  change<InfiniteData<ListApplicationsResponse> | ListApplicationsResponse>(lists, (old) => {
    if (!("pages" in old)) return old;
    const put = (of: Application) => (of.id === application.id ? application : of);
    const pages = old.pages.map((page) => ({ ...page, applications: page.applications.map(put) }));
    return { ...old, pages };
  });
}

/** Reads the lists of applications again. */
export function readApplications(): void {
  void queries.invalidateQueries({ queryKey: lists });
}

/** Forgets an application that is gone. */
export function dropApplication(appId: string): void {
  queries.removeQueries({ queryKey: one(appId) });
  readApplications();
}

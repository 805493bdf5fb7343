import { given, methodsOf, then } from "./method.js";
import * as api from "./schema/schema.js";
import type { Call, Options } from "./transport.js";

/** The installation itself. Only a developer may ask. */
export interface InstallationReports {
  /** Describes it: version, limits, settings, signing keys, and what is wrong with it. */
  get(options?: Options): Promise<api.Installation>;
  /** Counts what it holds. */
  stats(options?: Options): Promise<api.Stats>;
}

export function installation(call: Call): InstallationReports {
  const { one } = methodsOf(call, api.installationService);
  return {
    get: one("GetInstallation"),
    stats: then(one("GetStats"), (stats) => {
      given(stats.developers.count, "developers");
      return stats;
    }),
  };
}

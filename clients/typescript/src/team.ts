import type { List } from "./list.js";
import { methodsOf } from "./method.js";
import * as api from "./schema/schema.js";
import type { Call, Options } from "./transport.js";

/** The people who manage the installation. `sessions` changes one's own email and password. */
export interface Developers {
  /** Lists all developers, oldest first. */
  list(options?: Options): List<api.Developer>;
  get(id: string, options?: Options): Promise<api.Developer>;
  /** Changes the given names. null clears one, and an absent one stays. */
  update(id: string, names: api.DeveloperNames, options?: Options): Promise<api.Developer>;
  /**
   * Deletes a developer with the sessions and invitations, and resolves with the deleted
   * developer. The last one who can log in stays.
   */
  delete(id: string, options?: Options): Promise<api.Developer>;
}

/** Invitations to become a developer. */
export interface Invitations {
  /** Invites a person. The server sends nothing: hand over the token in a link to a page of yours. */
  create(email: string, options?: Options): Promise<api.Invitation>;
  /** Lists those that are pending, and those that expired lately, newest first. */
  list(options?: Options): List<api.Invitation>;
  revoke(id: string, options?: Options): Promise<api.Invitation>;
  /** Gives an invitation a new token and 7 days. The old token is refused from then on. */
  resend(id: string, options?: Options): Promise<api.Invitation>;
  /**
   * Makes whoever holds the token a developer, who logs in next. It needs no other
   * credential.
   */
  accept(answer: api.InvitationAcceptance, options?: Options): Promise<api.Developer>;
}

export function developers(call: Call): Developers {
  const { one, more, list } = methodsOf(call, api.developerService);
  return {
    list: list("ListDevelopers"),
    get: one("GetDeveloper", "id"),
    update: more("UpdateDeveloper", "id"),
    delete: one("DeleteDeveloper", "id"),
  };
}

export function invitations(call: Call): Invitations {
  const { one, more, list } = methodsOf(call, api.invitationService);
  return {
    create: one("CreateInvitation", "email"),
    list: list("ListInvitations"),
    revoke: one("RevokeInvitation", "id"),
    resend: one("ResendInvitation", "id"),
    accept: more("AcceptInvitation"),
  };
}

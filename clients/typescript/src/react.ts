"use client";
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useSyncExternalStore,
} from "react";
import type { AnySession } from "./auth.js";
import type { Client } from "./client.js";
import { invalid } from "./error.js";
import type { SessionState } from "./state.js";

const context = createContext<Client<AnySession> | undefined>(undefined);

/**
 * Gives a client to the components below. Make the client once, outside of components:
 * nothing has to be disposed of.
 */
export function OpenWearablesProvider(props: {
  client: Client<AnySession>;
  children?: ReactNode;
}): ReactElement {
  return createElement(context.Provider, { value: props.client }, props.children);
}

/** Returns the client of the provider above. */
export function useOpenWearables(): Client<AnySession> {
  const client = useContext(context);
  if (!client) {
    throw invalid("there is no OpenWearablesProvider above this component");
  }
  return client;
}

/**
 * Returns whether somebody is signed in, and who. The component is rendered again when
 * that changes. While a server renders, the state is `unknown`.
 */
export function useSession(): {
  state: SessionState;
  user: { id: string } | undefined;
  signOut(): Promise<void>;
} {
  const { auth } = useOpenWearables();
  const seen = useSyncExternalStore(
    auth.subscribe,
    () => `${auth.state} ${auth.user()?.id ?? ""}`,
    () => "unknown ",
  );
  const [state, id] = seen.split(" ") as [SessionState, string];
  return { state, user: id ? { id } : undefined, signOut: auth.signOut };
}

import { useSession } from "@openwearables/sdk/react";
import { Login } from "./Login.js";
import { Users } from "./Users.js";

export function App() {
  const { state, signOut } = useSession();
  return (
    <>
      <header>
        <h1>Users</h1>
        {state === "signedIn" && (
          <button type="button" className="quiet" onClick={signOut}>
            Sign out
          </button>
        )}
      </header>
      {/* After a reload the state is "unknown" for a moment: no login page flashes up. */}
      {state === "unknown" && <p className="card loading" />}
      {state === "signedOut" && <Login />}
      {state === "signedIn" && <Users />}
    </>
  );
}

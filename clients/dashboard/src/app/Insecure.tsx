import { Alone } from "./Alone";

/** In place of the dashboard where browsers do not keep the session's cookie. */
export function Insecure() {
  return (
    <Alone title="This address is not secure">
      <p>
        A browser keeps a login only where nobody on the way can read it. Open the dashboard over
        https, or on the machine that runs the server at <code>http://localhost</code>.
      </p>
    </Alone>
  );
}

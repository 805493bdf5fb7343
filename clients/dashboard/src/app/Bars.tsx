import { Banner } from "../parts/Banner";
import { Button } from "../parts/Button";
import { useOnline } from "./online";
import { useNewVersion } from "./version";

/** What is so for every page: there is no connection, or a newer version. */
export function Bars() {
  const online = useOnline();
  const newer = useNewVersion();
  return (
    <div className="top-bars">
      {!online && (
        <Banner bar tone="warn">
          No connection. Changes wait; nothing is lost.
        </Banner>
      )}
      {newer && (
        <Banner
          bar
          action={
            <Button small onClick={() => location.reload()}>
              Reload
            </Button>
          }
        >
          A new version is ready.
        </Banner>
      )}
    </div>
  );
}

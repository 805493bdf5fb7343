import { useQuery } from "@connectrpc/connect-query";
import { SessionService } from "@openwearables/sdk/connect";
import {
  Bell,
  BookOpen,
  LogOut,
  Menu as MenuIcon,
  Monitor,
  Moon,
  Settings,
  Sun,
  X,
} from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { IconButton } from "../parts/Button";
import { Link } from "../parts/Link";
import { Mark } from "../parts/Mark";
import { Menu } from "../parts/Menu";
import type AlertCount from "./AlertCount";
import { useOnline } from "./online";
import { type Route, routes } from "./routes";
import { logOut } from "./session";
import { useTheme } from "./theme";
import { useIdle } from "./useIdle";

/** The side bar, or a drawer on a phone, and the page beside it. */
export function Shell({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  const drawer = useRef<HTMLDialogElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the page changes
  useEffect(() => drawer.current?.close(), [path]);
  return (
    <div className="shell">
      <button
        type="button"
        className="skip"
        onClick={() => document.getElementById("main")?.focus()}
      >
        Skip to the page
      </button>
      <header className="topbar">
        <IconButton
          label="Open menu"
          icon={<MenuIcon size={20} aria-hidden="true" />}
          onClick={() => drawer.current?.showModal()}
        />
        <Brand />
        <AlertsBell />
      </header>
      <aside className="sidebar">
        <Brand />
        <Nav />
        <Account />
      </aside>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it by itself */}
      <dialog
        ref={drawer}
        className="drawer"
        aria-label="Menu"
        onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
      >
        <div className="drawer-body">
          <div className="drawer-head">
            <Brand />
            <IconButton
              label="Close menu"
              icon={<X size={20} aria-hidden="true" />}
              onClick={() => drawer.current?.close()}
            />
          </div>
          <Nav />
          <Account />
        </div>
      </dialog>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Brand() {
  return (
    <Link href="/" kind="bare">
      <span className="brand">
        <Mark />
        Open Wearables
      </span>
    </Link>
  );
}

const groups = ["", "Watch", "Installation"] as const;

function Nav() {
  return (
    <nav className="nav" aria-label="Dashboard">
      {groups.map((group) => (
        <div key={group} className="nav-group">
          {group && <h2 className="nav-title">{group}</h2>}
          <ul>
            {routes
              .filter((route) => route.nav?.group === group)
              .map((route) => (
                <NavItem key={route.path} route={route} />
              ))}
            {group === "Installation" && (
              <li>
                <a className="nav-item" href="/docs" target="_blank" rel="noreferrer">
                  <BookOpen size={16} aria-hidden="true" />
                  Documentation
                  <span className="sr"> (opens a new tab)</span>
                </a>
              </li>
            )}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function NavItem({ route }: { route: Route }) {
  const [path] = useLocation();
  const { nav } = route;
  if (!nav) return null;
  const here = route.path === "/" ? path === "/" : `${path}/`.startsWith(`${route.path}/`);
  const Icon = nav.icon;
  return (
    <li>
      <Link href={route.path} kind="bare" aria-current={here ? "page" : undefined}>
        <span className="nav-item">
          <Icon size={16} aria-hidden="true" />
          {nav.label}
          {route.path === "/alerts" && <OpenAlerts />}
        </span>
      </Link>
    </li>
  );
}

/** The number of open alerts, once the page itself has what it needs and while there is a server. */
function OpenAlerts({ dot }: { dot?: boolean | undefined }) {
  const idle = useIdle();
  const ready = useOnline() && idle;
  const [Count, setCount] = useState<typeof AlertCount>();
  useEffect(() => {
    if (!ready || Count) return;
    import("./AlertCount").then(
      (module) => setCount(() => module.default),
      () => {}, // the next time that there is a server
    );
  }, [ready, Count]);
  return Count ? <Count dot={dot} /> : null;
}

function AlertsBell() {
  return (
    <Link href="/alerts" kind="bare">
      <span className="icon-button">
        <Bell size={20} aria-hidden="true" />
        <OpenAlerts dot />
        <span className="sr">Alerts</span>
      </span>
    </Link>
  );
}

const themes = [
  ["system", "As the system", Monitor],
  ["light", "Light", Sun],
  ["dark", "Dark", Moon],
] as const;

function Account() {
  const [, navigate] = useLocation();
  const { data } = useQuery(SessionService.method.getMe, {}, { staleTime: 300_000 });
  const [theme, setTheme] = useTheme();
  const Current = themes.find(([id]) => id === theme)?.[2] ?? Monitor;
  const email = data?.developer?.email ?? "";
  return (
    <div className="account">
      <Menu
        label="Account"
        trigger={
          <span className="account-name">
            <span className="avatar" aria-hidden="true">
              {email.charAt(0).toUpperCase()}
            </span>
            <span className="cut" title={email}>
              {email || "Account"}
            </span>
          </span>
        }
        items={[
          {
            label: "Settings",
            icon: <Settings size={16} aria-hidden="true" />,
            onAction: () => navigate("/settings"),
          },
          {
            label: "Log out",
            icon: <LogOut size={16} aria-hidden="true" />,
            onAction: () => void logOut(),
          },
        ]}
      />
      <Menu
        label="Theme"
        trigger={
          <>
            <Current size={16} aria-hidden="true" />
            <span className="sr">Theme</span>
          </>
        }
        items={themes.map(([id, label, Icon]) => ({
          label: theme === id ? `${label} (chosen)` : label,
          icon: <Icon size={16} aria-hidden="true" />,
          onAction: () => setTheme(id),
        }))}
      />
    </div>
  );
}

import { AppShell, Burger, Button, Group, Loader, NavLink, Stack, Text, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useId, useState } from "react";
import { type Connection, useEvents } from "../api/events";
import { type Me, takeTokenFromAddress, useMe, useSignIn, useSignOut } from "../api/session";
import { Dot } from "./Badges";
import { ProblemView } from "./ProblemView";
import { SignIn } from "./SignIn";

type Role = Me["role"];

interface Place {
  to: string;
  label: string;
  /** Who may read what the page shows; everybody when absent. */
  roles?: readonly Role[];
}

const places: readonly { group: string; places: readonly Place[] }[] = [
  {
    group: "Fleet",
    places: [
      { to: "/", label: "Sites" },
      { to: "/clusters", label: "Clusters" },
      { to: "/map", label: "Region mismatches" },
      { to: "/findings", label: "Findings" },
      { to: "/infrastructure", label: "Shared infrastructure" },
    ],
  },
  {
    group: "Analysis",
    places: [
      { to: "/what-if", label: "What-if" },
      { to: "/plan", label: "Fleet plan" },
      { to: "/changes", label: "Changes" },
      { to: "/differences", label: "Differences" },
      { to: "/trends", label: "Trends" },
    ],
  },
  {
    group: "Governance",
    places: [
      { to: "/rules", label: "Rules" },
      { to: "/policies", label: "Policies" },
      { to: "/waivers", label: "Waivers" },
      { to: "/reports", label: "Reports", roles: ["auditor", "planner", "approver", "admin"] },
      { to: "/audit", label: "Audit", roles: ["auditor", "admin"] },
    ],
  },
  {
    group: "Administration",
    places: [
      { to: "/enrolments", label: "Enrolment", roles: ["auditor", "approver", "admin"] },
      { to: "/connect", label: "Connect a planner" },
      { to: "/rejections", label: "Rejections", roles: ["auditor", "planner", "approver", "admin"] },
      { to: "/notifications", label: "Notifications", roles: ["admin"] },
      { to: "/tokens", label: "API tokens", roles: ["admin"] },
    ],
  },
];

/** The frame of all pages. Nothing of the federation is asked for before the caller is known. */
export function Shell() {
  const [token] = useState(takeTokenFromAddress);
  const signIn = useSignIn();
  const me = useMe();
  const { mutate } = signIn;
  useEffect(() => {
    if (token !== null) {
      mutate(token);
    }
  }, [token, mutate]);
  if (me.isPending || (token !== null && (signIn.isPending || signIn.isIdle))) {
    return (
      <Group justify="center" mt="20vh">
        <Loader aria-label="Signing in" />
      </Group>
    );
  }
  if (me.isError) {
    return (
      <main>
        <ProblemView error={me.error} retry={() => me.refetch()} />
      </main>
    );
  }
  if (me.data === null) {
    return <SignIn signIn={signIn} />;
  }
  return <SignedIn me={me.data} />;
}

function SignedIn({ me }: { me: Me }) {
  const [open, { toggle, close }] = useDisclosure(false);
  const connection = useEvents();
  const signOut = useSignOut();
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when the page changes, whatever the page is.
  useEffect(close, [pathname]);
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 210, breakpoint: "md", collapsed: { mobile: !open } }}
      padding="md"
    >
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <AppShell.Header px="md">
        <Group h="100%" gap="sm" wrap="nowrap">
          <Burger
            opened={open}
            onClick={toggle}
            hiddenFrom="md"
            size="sm"
            aria-label={open ? "Close the menu" : "Open the menu"}
            aria-expanded={open}
          />
          <img src="/icon.svg" alt="" width={24} height={24} />
          <Text fw={700}>Meridian</Text>
          <ConnectionBadge connection={connection} />
          <Group ml="auto" gap="sm" wrap="nowrap">
            <Text size="sm" visibleFrom="sm" truncate>
              {me.name} · {me.role}
              {me.allSites ? "" : ` · ${me.sites.length} ${me.sites.length === 1 ? "site" : "sites"}`}
            </Text>
            <SchemeToggle />
            <Button variant="default" size="xs" onClick={() => signOut.mutate()} loading={signOut.isPending}>
              Sign out
            </Button>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {places.map((g) => (
          <Places key={g.group} group={g.group} places={g.places} role={me.role} pathname={pathname} />
        ))}
        <Stack gap={0} mt="auto">
          <NavLink href="/api/v1/openapi.json" label="API description" />
          {me.version !== undefined && me.version !== "unknown" && (
            <Text size="xs" c="dimmed" px="sm" py={4}>
              Meridian {me.version}
            </Text>
          )}
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

/** Pages that belong together, under a name; those that the caller's role may not read are left out. */
function Places(p: { group: string; places: readonly Place[]; role: Role; pathname: string }) {
  const id = useId();
  const seen = p.places.filter((place) => place.roles === undefined || place.roles.includes(p.role));
  if (seen.length === 0) {
    return null;
  }
  return (
    <Stack gap={0} role="group" aria-labelledby={id} className="nav-group">
      <span id={id}>{p.group}</span>
      {seen.map((place) => {
        const active = isActive(place.to, p.pathname);
        return (
          <NavLink
            key={place.to}
            renderRoot={(props) => <Link to={place.to} {...props} />}
            label={place.label}
            active={active}
            aria-current={active ? "page" : undefined}
          />
        );
      })}
    </Stack>
  );
}

/** A page is active with the pages below it; the sites are at the root. */
function isActive(to: string, pathname: string): boolean {
  return to === "/"
    ? pathname === "/" || pathname.startsWith("/sites/")
    : pathname === to || pathname.startsWith(`${to}/`);
}

const connections: Record<Connection, { color: string; label: string; title: string }> = {
  connecting: { color: "var(--info)", label: "connecting", title: "Waiting for the server's events" },
  live: { color: "var(--good)", label: "live", title: "Changes appear by themselves" },
  lost: {
    color: "var(--high)",
    label: "not live",
    title: "The server's events do not arrive; what is shown may be old",
  },
};

function ConnectionBadge({ connection }: { connection: Connection }) {
  const c = connections[connection];
  return <Dot color={c.color} title={c.title} text={c.label} role="status" />;
}

function SchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = { auto: "light", light: "dark", dark: "auto" } as const;
  return (
    <Button variant="default" size="xs" onClick={() => setColorScheme(next[colorScheme])} visibleFrom="xs">
      Colours: {colorScheme}
    </Button>
  );
}

import { AppShell, Burger, Button, Group, Loader, NavLink, Stack, Text, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { type Connection, useEvents } from "../api/events";
import { type Me, takeTokenFromAddress, useMe, useSignIn, useSignOut } from "../api/session";
import { Dot } from "./Badges";
import { ProblemView } from "./ProblemView";
import { SignIn } from "./SignIn";

const places = [
  { to: "/", label: "Sites" },
  { to: "/clusters", label: "Clusters" },
  { to: "/map", label: "Region mismatches" },
  { to: "/findings", label: "Findings" },
  { to: "/infrastructure", label: "Shared infrastructure" },
  { to: "/rules", label: "Rules" },
  { to: "/rejections", label: "Rejections" },
  { to: "/reports", label: "Reports" },
  { to: "/waivers", label: "Waivers" },
  { to: "/policies", label: "Policies" },
  { to: "/audit", label: "Audit", roles: ["auditor", "admin"] },
] as const;

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
      navbar={{ width: 200, breakpoint: "md", collapsed: { mobile: !open } }}
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
        {places
          .filter((p) => !("roles" in p) || p.roles.some((role) => role === me.role))
          .map((p) => (
            <Place
              key={p.to}
              to={p.to}
              label={p.label}
              active={p.to === "/" ? pathname === "/" || pathname.startsWith("/sites/") : pathname.startsWith(p.to)}
            />
          ))}
        <Stack gap={0} mt="auto">
          <Place to="/connect" label="Connect a planner" active={pathname === "/connect"} />
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

function Place({
  to,
  label,
  active,
}: {
  to: (typeof places)[number]["to"] | "/connect";
  label: string;
  active: boolean;
}) {
  return (
    <NavLink
      renderRoot={(props) => <Link to={to} {...props} />}
      label={label}
      active={active}
      aria-current={active ? "page" : undefined}
    />
  );
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

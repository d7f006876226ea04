import { AppShell, Badge, Burger, Button, Group, Loader, NavLink, Text, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { type Connection, useEvents } from "../api/events";
import { type Me, takeTokenFromAddress, useMe, useSignIn, useSignOut } from "../api/session";
import { ProblemView } from "./ProblemView";
import { SignIn } from "./SignIn";

const places = [
  { to: "/", label: "Sites" },
  { to: "/map", label: "Region mismatches" },
  { to: "/findings", label: "Findings" },
  { to: "/infrastructure", label: "Shared infrastructure" },
  { to: "/rules", label: "Rules" },
  { to: "/rejections", label: "Rejections" },
  { to: "/reports", label: "Reports" },
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
  if (me.isPending || (token !== null && signIn.isPending)) {
    return (
      <Group justify="center" mt="20vh">
        <Loader aria-label="Signing in" />
      </Group>
    );
  }
  if (me.isError) {
    return <ProblemView error={me.error} retry={() => me.refetch()} />;
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
      navbar={{ width: 208, breakpoint: "sm", collapsed: { mobile: !open } }}
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
            hiddenFrom="sm"
            size="sm"
            aria-label={open ? "Close the menu" : "Open the menu"}
          />
          <img src="/icon.svg" alt="" width={24} height={24} />
          <Text fw={700}>Meridian</Text>
          <ConnectionBadge connection={connection} />
          <Group ml="auto" gap="sm" wrap="nowrap">
            <Text size="sm" visibleFrom="sm">
              {me.name} · {me.role}
              {me.allSites ? "" : ` · ${me.sites.length} sites`}
            </Text>
            <SchemeToggle />
            <Button variant="default" size="xs" onClick={() => signOut.mutate()}>
              Sign out
            </Button>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {places.map((p) => (
          <NavLink
            key={p.to}
            renderRoot={(props) => <Link to={p.to} {...props} />}
            label={p.label}
            active={p.to === "/" ? pathname === "/" || pathname.startsWith("/sites/") : pathname.startsWith(p.to)}
          />
        ))}
        <NavLink mt="auto" href="/api/v1/openapi.json" label="API description" />
        <Text size="xs" c="dimmed" px="sm" py={4}>
          {me.version}
        </Text>
      </AppShell.Navbar>
      <AppShell.Main id="content">
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

const connections: Record<Connection, { color: string; label: string; title: string }> = {
  connecting: { color: "gray", label: "connecting", title: "Waiting for the server's events" },
  live: { color: "green", label: "live", title: "Changes appear by themselves" },
  lost: { color: "orange", label: "not live", title: "The server's events do not arrive; what is shown may be old" },
};

function ConnectionBadge({ connection }: { connection: Connection }) {
  const c = connections[connection];
  return (
    <Badge variant="dot" color={c.color} tt="none" title={c.title} role="status">
      {c.label}
    </Badge>
  );
}

function SchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = { auto: "light", light: "dark", dark: "auto" } as const;
  return (
    <Button
      variant="default"
      size="xs"
      onClick={() => setColorScheme(next[colorScheme])}
      aria-label={`Colours: ${colorScheme}. Change to ${next[colorScheme]}`}
    >
      {colorScheme}
    </Button>
  );
}

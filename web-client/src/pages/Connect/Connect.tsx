import { Code, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { siteID } from "../../api/fields";
import { Copy } from "../../components/Copy";
import { useTitle } from "../../components/title";
import * as commands from "./commands";

/** How a site comes in: the exact commands for the id that is given. */
export function Connect() {
  useTitle("Connect a planner");
  const [site, setSite] = useState("my-plant");
  const [nats, setNats] = useState("nats://hub.example:4222");
  const [now] = useState(() => `${new Date().toISOString().slice(0, 19)}Z`);
  const valid = siteID.test(site);
  const wanted = { site: valid ? site : "my-plant", nats, server: window.location.origin, now };
  return (
    <Stack gap="md" maw={900}>
      <Title order={1}>Connect a planner</Title>
      <Text size="sm" c="dimmed">
        The planner of a site follows its inventory, judges it at the site, also without the hub, and sends it here.
      </Text>
      <Group align="start">
        <TextInput
          label="Site id"
          value={site}
          onChange={(e) => setSite(e.currentTarget.value)}
          error={valid ? undefined : "Lower-case letters, digits and dashes, at most 63"}
          styles={{ error: { color: "var(--critical)" } }}
        />
        <TextInput
          label="Address of the hub's NATS"
          value={nats}
          onChange={(e) => setNats(e.currentTarget.value)}
          w={300}
        />
      </Group>
      <Step title="1. Describe the site" file={`${wanted.site}.yaml`} code={commands.inventory(wanted)}>
        A small inventory to begin with; <Code>meridian schema</Code> prints everything that it may hold. What is left
        out is shown as unknown, never as fine.
      </Step>
      <Step title="Or take it from exports of Azure" code={commands.fromAzure(wanted)} />
      <Step title="2. See what the rules say, without any server" code={commands.check(wanted)} />
      <Step title="3. Configure the planner" file="/etc/meridian-planner/planner.yaml" code={commands.config(wanted)}>
        The credential may publish for this site only. It comes from the hub's NATS operator as a file, or by joining
        with a token from <Link to="/enrolments">enrolment</Link>.
      </Step>
      <Step title="4. Check the configuration, then start" code={commands.start} />
      <Step title="5. See how it stands" code={commands.status}>
        The site then appears among the <Link to="/">sites</Link>. An inventory that is refused appears among the{" "}
        <Link to="/rejections">rejections</Link>, with the reason.
      </Step>
      <Step title="Without a planner at the site: send the inventory over REST" code={commands.put(wanted)}>
        Needs a token with the role planner or admin.
      </Step>
      <Step title="Or start everything in one process with it" code={commands.up(wanted)} />
    </Stack>
  );
}

function Step({ title, file, code, children }: { title: string; file?: string; code: string; children?: ReactNode }) {
  return (
    <section aria-label={title}>
      <Group justify="space-between" mb={4}>
        <Title order={2} size="h3">
          {title}
        </Title>
        <Copy value={code} what={title} />
      </Group>
      {children && (
        <Text size="sm" mb={4}>
          {children}
        </Text>
      )}
      {file && (
        <Text size="xs" c="dimmed">
          {file}
        </Text>
      )}
      <Code block component="pre" tabIndex={0}>
        {code}
      </Code>
    </section>
  );
}

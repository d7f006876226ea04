import { Button, Group, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type PolicyPreview, type PolicyVersion, policiesQuery, previewQuery, useActivate } from "../../api/govern";
import { useMe } from "../../api/session";
import { Head } from "../../components/Head";
import { LoadingRows } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { Time } from "../../components/Time";
import { useTitle } from "../../components/title";

export function Policies() {
  useTitle("Policies");
  const query = useQuery(policiesQuery);
  const [shown, setShown] = useState<string>();
  const role = useMe().data?.role ?? "viewer";
  const items = query.data?.items ?? [];
  return (
    <Stack gap="sm">
      <Title order={1}>Policies</Title>
      <Text size="sm" c="dimmed">
        Versions of the policy that the federation is judged under. A version never changes; an earlier one is activated
        again to go back. Write one with <code>meridian policies draft FILE</code>.
      </Text>
      {query.isPending && <LoadingRows noun="versions" />}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.data && (
        <Text size="sm" role="status">
          {query.data.managedBy === "file"
            ? "No version is active: the policy of the server's configuration is in force."
            : `Version ${items.find((v) => v.active)?.id ?? "unknown"} is in force.`}
          {query.data.approval && " Somebody else than the author has to activate a version the first time."}
        </Text>
      )}
      {items.length > 0 && (
        <Table className="sticky" verticalSpacing={6}>
          <Head columns={["Version", "Name", "In force", "Written", "Activated", "Hash", "Look ahead"]} />
          <Table.Tbody>
            {items.map((v) => (
              <Row key={v.id} version={v} preview={role === "viewer" ? undefined : () => setShown(v.id)} />
            ))}
          </Table.Tbody>
        </Table>
      )}
      {shown && <Preview key={shown} id={shown} active={items.some((v) => v.id === shown && v.active)} role={role} />}
    </Stack>
  );
}

function Row({ version: v, preview }: { version: PolicyVersion; preview?: () => void }) {
  const last = v.activations?.at(-1);
  return (
    <Table.Tr className="top">
      <Table.Th scope="row">{v.id}</Table.Th>
      <Table.Td>{v.name || "no name"}</Table.Td>
      <Table.Td>{v.active ? "yes" : "no"}</Table.Td>
      <Table.Td>
        {v.id === "file" ? (
          "by configuration"
        ) : (
          <>
            <Time at={v.created.at} />
            <span className="sub">
              {v.created.name}
              {v.created.note ? `: ${v.created.note}` : ""}
            </span>
          </>
        )}
      </Table.Td>
      <Table.Td>
        {last ? (
          <>
            <Time at={last.at} />
            <span className="sub">
              {last.name}
              {last.note ? `: ${last.note}` : ""}
            </span>
          </>
        ) : (
          "never"
        )}
      </Table.Td>
      <Table.Td>
        <code>{v.hash.slice(0, 12)}</code>
      </Table.Td>
      <Table.Td>
        {preview && !v.active ? (
          <Button size="compact-sm" variant="default" onClick={preview} aria-label={`Preview version ${v.id}`}>
            Preview
          </Button>
        ) : (
          "nothing to preview"
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function Preview({ id, active, role }: { id: string; active: boolean; role: string }) {
  const query = useQuery(previewQuery(id));
  const activate = useActivate();
  const [reason, setReason] = useState("");
  const may = (role === "approver" || role === "admin") && !active && id !== "file";
  return (
    <section aria-labelledby="preview">
      <Title order={2} id="preview">
        What version {id} would change
      </Title>
      {query.isPending && <LoadingRows noun="changes" />}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.data && <Changes preview={query.data} />}
      {may && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            activate.mutate({ policy: id, reason });
          }}
        >
          <Group align="end" mt="sm">
            <TextInput
              label="Why it is activated"
              required
              w={360}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
            <Button type="submit" variant="default" loading={activate.isPending}>
              Activate version {id}
            </Button>
          </Group>
          {activate.isError && <ProblemView error={activate.error} />}
        </form>
      )}
    </section>
  );
}

function Changes({ preview: p }: { preview: PolicyPreview }) {
  const rows = [
    ...p.opened.map((c) => ({ ...c, change: "opens" })),
    ...p.closed.map((c) => ({ ...c, change: "closes" })),
    ...p.changed.map((c) => ({ ...c, change: "other severity" })),
    ...p.unknown.map((c) => ({ ...c, change: "becomes unknown" })),
  ];
  return (
    <>
      <Text size="sm" role="status">
        {p.sites.toLocaleString("en")} {p.sites === 1 ? "site" : "sites"} compared: {p.opened.length} findings would
        open, {p.closed.length} close, {p.changed.length} get another severity, {p.unknown.length} become unknown.
        {p.severities.map((s) => ` ${s.severity}: +${s.opened} −${s.closed}.`).join("")}
      </Text>
      {rows.length > 0 && (
        <Table className="sticky" verticalSpacing={6}>
          <Head columns={["Rule", "Change", "Severity", "Where", "Finding"]} />
          <Table.Tbody>
            {rows.map((c) => (
              <Table.Tr key={`${c.change} ${c.finding}`} className="top">
                <Table.Th scope="row">{c.rule}</Table.Th>
                <Table.Td>{c.change}</Table.Td>
                <Table.Td>{c.before ? `${c.before} → ${c.severity}` : c.severity}</Table.Td>
                <Table.Td>
                  <Link to="/sites/$site" params={{ site: c.subject.site }}>
                    {c.subject.cluster ? `${c.subject.site}/${c.subject.cluster}` : c.subject.site}
                  </Link>
                </Table.Td>
                <Table.Td>{c.message}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </>
  );
}

import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { type Change, simulationQuery, whatIfDocument, whatIfState } from "../../api/whatif";
import { Copy } from "../../components/Copy";
import { LoadingRows } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { useTitle } from "../../components/title";
import { Compose } from "./Compose";
import { Outcome } from "./Outcome";

const route = getRouteApi("/what-if");

const none: Change[] = [];

/** What would be if the federation changed. What is evaluated is in the address; what is composed is not until it is evaluated. */
export function WhatIf() {
  useTitle("What-if");
  const evaluated = route.useSearch().changes ?? none;
  const navigate = route.useNavigate();
  const [changes, setChanges] = useState(evaluated);
  useEffect(() => setChanges(evaluated), [evaluated]);
  const query = useQuery(simulationQuery(evaluated));
  const same = JSON.stringify(changes) === JSON.stringify(evaluated);
  const evaluate = () => (same ? query.refetch() : navigate({ search: { changes } }));
  return (
    <Stack gap="md">
      <div>
        <Title order={1}>What-if</Title>
        <Text size="sm" c="dimmed">
          What the rules, the availability and the sharing would be if the federation changed. Nothing is changed and
          nothing is kept: the changes are put over the federation as it is now, and what they concern is judged.
        </Text>
      </div>
      <Compose changes={changes} setChanges={setChanges} />
      <Group gap="xs" className="no-print">
        <Button onClick={evaluate} disabled={changes.length === 0} loading={query.isFetching}>
          {same && query.data ? "Evaluate again" : "Evaluate"}
        </Button>
        <Download changes={changes} />
        <OpenFile open={setChanges} />
        {same && changes.length > 0 && (
          <Copy value={window.location.href} what="link to these changes" label="Copy the link" />
        )}
        {changes.length > 0 && (
          <Button variant="default" onClick={() => navigate({ search: {} })}>
            Clear
          </Button>
        )}
      </Group>
      {!same && query.data && (
        <Text size="sm" role="status">
          The changes are others than those that were evaluated; what is below is of the earlier ones.
        </Text>
      )}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.isLoading && <LoadingRows noun="differences" />}
      {query.data && (
        <div className={same ? undefined : "outdated"}>
          <Outcome s={query.data} />
        </div>
      )}
    </Stack>
  );
}

function Download({ changes }: { changes: Change[] }) {
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([whatIfDocument(changes)], { type: "application/json" }));
    link.download = "what-if.json";
    link.click();
    // The browser has taken the content by the time the next task runs.
    setTimeout(() => URL.revokeObjectURL(link.href));
  };
  return (
    <Button variant="default" onClick={save} disabled={changes.length === 0} title="For meridian whatif">
      Download
    </Button>
  );
}

/** The changes of a file that was downloaded here, or the reason why it holds none. */
export function readChanges(text: string): Change[] | string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    return `The file is not JSON (${cause instanceof Error ? cause.message : String(cause)}). Files in YAML are for meridian whatif.`;
  }
  const given =
    typeof document === "object" && document !== null && "changes" in document ? document.changes : undefined;
  const { changes = [] } = whatIfState({ changes: given });
  if (!Array.isArray(given) || changes.length === 0) {
    return "The file has no changes: it needs a list named changes, as a downloaded one has.";
  }
  return changes.length < given.length
    ? `${given.length - changes.length} of ${given.length} entries of the file are no changes; each needs do with one of move-database, lose, merge, upgrade, set.`
    : changes;
}

function OpenFile({ open }: { open: (changes: Change[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState<string>();
  const read = async (file: File | undefined) => {
    if (file) {
      const changes = readChanges(await file.text());
      setFault(typeof changes === "string" ? changes : undefined);
      if (typeof changes !== "string") {
        open(changes);
      }
    }
  };
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        hidden
        aria-label="File of changes"
        onChange={(event) => {
          read(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
      <Button variant="default" onClick={() => input.current?.click()}>
        Open a file
      </Button>
      {fault && (
        <Text size="sm" role="alert" style={{ color: "var(--critical)" }}>
          {fault}
        </Text>
      )}
    </>
  );
}

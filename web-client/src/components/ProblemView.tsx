import { Alert, Button, List, Text } from "@mantine/core";
import { type Problem, ProblemError } from "../api/client";

type Fault = NonNullable<Problem["errors"]>[number];

/** Says what went wrong, where, and how it can be found in the server's log. */
export function ProblemView({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ProblemError ? error.problem : undefined;
  return (
    <Alert
      color="red"
      variant="light"
      title={problem?.title ?? "This page could not be shown"}
      my="md"
      role="alert"
      styles={{ title: { color: "var(--critical)" } }}
    >
      <Text size="sm">{problem?.detail ?? (error instanceof Error ? error.message : String(error))}</Text>
      {problem?.errors !== undefined && problem.errors.length > 0 && (
        <List size="sm" mt="xs">
          {problem.errors.map((e) => (
            <List.Item key={`${place(e)}:${e.detail}`}>{faultText(e)}</List.Item>
          ))}
        </List>
      )}
      {problem?.requestId && (
        <Text size="xs" mt="xs">
          Request {problem.requestId}
        </Text>
      )}
      {retry && (
        <Button size="xs" variant="default" mt="sm" onClick={retry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** Where in the request; without the name of the part when the reader knows it. */
function place(e: Fault, named = true): string {
  return [
    named && (e.pointer ?? e.parameter),
    e.line && `line ${e.line}`,
    e.column && `column ${e.column}`,
    e.position && `character ${e.position}`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Where, what, and what to do, in one line. */
export function faultText(e: Fault, named = true): string {
  const where = place(e, named);
  return `${where === "" ? "" : `${where}: `}${e.detail}${e.remedy ? `; ${e.remedy}` : ""}`;
}

/** What the server says about the filter, when the problem is about it. */
export function filterFault(error: unknown): Fault | undefined {
  return error instanceof ProblemError ? error.problem.errors?.find((e) => e.parameter === "filter") : undefined;
}

import { Button, Group, NativeSelect, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Change, namesQuery } from "../../api/whatif";

type Names = "cluster" | "site" | "infrastructure" | "region";

interface Field {
  name: Exclude<keyof Change, "do">;
  label: string;
  example: string;
  /** What is offered while typing. */
  names?: Names;
  optional?: boolean;
}

interface Form {
  do: Change["do"];
  /** Tells apart the forms of one action. */
  key: string;
  label: string;
  fields: Field[];
}

const clusterField: Field = { name: "cluster", label: "Cluster", example: "muc-01/prod", names: "cluster" };
const siteField: Field = { name: "site", label: "Site", example: "muc-01", names: "site" };
const versionField: Field = { name: "version", label: "To version", example: "9.6.2" };

const forms: Form[] = [
  {
    do: "move-database",
    key: "move-database",
    label: "Move a database to another region",
    fields: [clusterField, { name: "to", label: "To region", example: "azure/westeurope", names: "region" }],
  },
  { do: "lose", key: "lose", label: "Lose a region, zone, machine, site …", fields: [] },
  {
    do: "merge",
    key: "merge",
    label: "Merge a site into another",
    fields: [siteField, { name: "into", label: "Into site", example: "ber-02", names: "site" }],
  },
  { do: "upgrade", key: "upgrade-cluster", label: "Upgrade a cluster", fields: [clusterField, versionField] },
  { do: "upgrade", key: "upgrade-site", label: "Upgrade all clusters of a site", fields: [siteField, versionField] },
  {
    do: "set",
    key: "set",
    label: "Set a fact of a site's inventory",
    fields: [
      siteField,
      { name: "pointer", label: "JSON pointer", example: "/clusters/prod/objectives/availability" },
      { name: "value", label: "Value (JSON)", example: "empty removes it", optional: true },
    ],
  },
];

const kinds = [
  { kind: "region", example: "azure/westeurope", names: "region" },
  { kind: "zone", example: "azure/westeurope/1" },
  { kind: "site", example: "muc-01", names: "site" },
  { kind: "infrastructure", example: "muc-01/pg-1", names: "infrastructure" },
  { kind: "machine", example: "muc-01/vm-a" },
  { kind: "node", example: "muc-01/prod/twx-1" },
] as const;

/** A change in words. */
export function changeText(c: Change): string {
  switch (c.do) {
    case "move-database":
      return `The database of ${c.cluster} moves to ${c.to}`;
    case "lose":
      return `The ${(c.what ?? "").replace(":", " ")} is lost`;
    case "merge":
      return `${c.site} is merged into ${c.into}`;
    case "upgrade":
      return `${c.cluster ?? `every cluster of ${c.site}`} is upgraded to ThingWorx ${c.version}`;
    case "set":
      return c.value === undefined || c.value === null
        ? `${c.pointer} of ${c.site} is removed`
        : `${c.pointer} of ${c.site} is ${JSON.stringify(c.value)}`;
  }
}

/** What is written for a value: JSON where it is JSON, else the text itself; empty is nothing. */
export function parseValue(text: string): unknown {
  if (text.trim() === "") {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}

interface Props {
  changes: Change[];
  setChanges: (changes: Change[]) => void;
}

/** Adds changes to the set, one after the other, and takes them out again. */
export function Compose({ changes, setChanges }: Props) {
  const [key, setKey] = useState("move-database");
  const form = forms.find((f) => f.key === key) ?? forms[0];
  return (
    <Paper withBorder p="sm" className="no-print">
      <Stack gap="xs">
        <Title order={2}>Changes</Title>
        {changes.length === 0 ? (
          <Text size="sm">
            None yet. They are made one after the other; what is lost is lost at the end, all at once.
          </Text>
        ) : (
          <ol className="changes">
            {changes.map((c, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the same change may stand there twice, and rows hold no state.
              <li key={i}>
                <Group gap="xs" wrap="nowrap" justify="space-between">
                  <span className="any">{changeText(c)}</span>
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={`Remove: ${changeText(c)}`}
                    onClick={() => setChanges(changes.filter((_, k) => k !== i))}
                  >
                    Remove
                  </Button>
                </Group>
              </li>
            ))}
          </ol>
        )}
        <NativeSelect
          label="What happens"
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          data={forms.map((f) => ({ value: f.key, label: f.label }))}
          maw={420}
        />
        {form && <Add key={form.key} form={form} add={(c) => setChanges([...changes, c])} />}
      </Stack>
    </Paper>
  );
}

function Add({ form, add }: { form: Form; add: (c: Change) => void }) {
  const names = useQuery(namesQuery).data;
  const [kind, setKind] = useState<(typeof kinds)[number]["kind"]>("region");
  const lost = kinds.find((k) => k.kind === kind) ?? kinds[0];
  const fields: Field[] =
    form.do === "lose"
      ? [{ name: "what", label: "Which", example: lost.example, ...("names" in lost ? { names: lost.names } : {}) }]
      : form.fields;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const change: Change = { do: form.do };
    for (const f of fields) {
      const text = String(data.get(f.name) ?? "").trim();
      if (f.name === "value") {
        const value = parseValue(text);
        if (value !== undefined) {
          change.value = value;
        }
      } else {
        change[f.name] = f.name === "what" ? `${kind}:${text}` : text;
      }
    }
    add(change);
    event.currentTarget.reset();
  };
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="end">
        {form.do === "lose" && (
          <NativeSelect
            label="What is lost"
            value={kind}
            onChange={(event) => setKind(kinds.find((k) => k.kind === event.currentTarget.value)?.kind ?? "region")}
            data={kinds.map((k) => k.kind)}
            w={150}
          />
        )}
        {fields.map((f) => (
          <div key={`${f.name} ${f.names}`}>
            <TextInput
              name={f.name}
              label={f.label}
              placeholder={f.example}
              required={!f.optional}
              list={f.names ? `offer-${f.name}` : undefined}
              autoComplete="off"
              spellCheck={false}
              w={f.name === "pointer" ? 340 : 220}
            />
            {f.names && (
              <datalist id={`offer-${f.name}`}>
                {names?.[f.names].map((n) => (
                  <option key={n} value={n} />
                ))}
              </datalist>
            )}
          </div>
        ))}
        <Button type="submit" variant="default">
          Add
        </Button>
      </Group>
    </form>
  );
}

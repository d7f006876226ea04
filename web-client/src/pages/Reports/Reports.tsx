import { Anchor, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";

const formats = [
  { format: "html", label: "HTML" },
  { format: "csv", label: "CSV" },
  { format: "json", label: "JSON" },
] as const;

export function reportAddress(format: string, filter: string): string {
  const query = new URLSearchParams({ format });
  if (filter.trim() !== "") {
    query.set("filter", filter.trim());
  }
  return `/api/v1/reports/compliance?${query}`;
}

export function Reports() {
  const [filter, setFilter] = useState("");
  return (
    <Stack gap="sm" maw={720}>
      <Title order={1}>Reports</Title>
      <Paper withBorder p="md">
        <Title order={2} mb={4}>
          Compliance
        </Title>
        <Text size="sm" mb="sm">
          Who complies, under which rules, on what evidence, how fresh it is, and what is unknown.
        </Text>
        <TextInput
          label="Only findings that match"
          description="In the filter language of the lists; empty takes all."
          placeholder="severity>=high and country=DE"
          value={filter}
          onChange={(e) => setFilter(e.currentTarget.value)}
        />
        <Group mt="sm">
          {formats.map((f) => (
            <Anchor key={f.format} href={reportAddress(f.format, filter)} target="_blank" rel="noreferrer">
              {f.label}
            </Anchor>
          ))}
        </Group>
      </Paper>
    </Stack>
  );
}

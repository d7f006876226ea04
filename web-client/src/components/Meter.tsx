import { Text } from "@mantine/core";

/** A share of a whole as a bar under its words. */
export function Meter({ words, share }: { words: string; share: number }) {
  return (
    <div>
      <Text size="xs">{words}</Text>
      <div className="meter" aria-hidden="true">
        <div style={{ width: `${Math.min(100, Math.max(0, share * 100))}%` }} />
      </div>
    </div>
  );
}

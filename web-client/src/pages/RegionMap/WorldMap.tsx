import { Group, Text } from "@mantine/core";
import type { RegionMismatch } from "../../api/fleet";
import { severities } from "../../components/Badges";
import { way } from "./RegionMap";
import { curve, height, landPath, project, spherePath, width } from "./world";

interface Props {
  items: RegionMismatch[];
  active: string | null;
  setActive: (id: string | null) => void;
  view?: { x: number; y: number; w: number; h: number };
}

/** The mismatches drawn on the world. The table beside it holds the same for those who do not see the drawing. */
export function WorldMap({ items, active, setActive, view = { x: 0, y: 0, w: width, h: height } }: Props) {
  const scale = view.w / width;
  return (
    <figure style={{ margin: 0 }}>
      <svg
        viewBox={`${view.x} ${view.y} ${view.w} ${view.h}`}
        role="img"
        aria-label={`World map with ${items.length} region mismatches; the table holds the same`}
        style={{ width: "100%", background: "var(--sea)", borderRadius: 4 }}
      >
        <path d={spherePath} fill="var(--sea)" stroke="var(--land-line)" strokeWidth={0.5 * scale} />
        <path d={landPath} fill="var(--land)" stroke="var(--land-line)" strokeWidth={0.5 * scale} />
        {items.map((m) => (
          <Mismatch
            key={m.id}
            m={m}
            scale={scale}
            active={active === m.id}
            dimmed={active !== null && active !== m.id}
            setActive={setActive}
          />
        ))}
      </svg>
      <figcaption>
        <Legend />
      </figcaption>
    </figure>
  );
}

function Mismatch({
  m,
  scale,
  active,
  dimmed,
  setActive,
}: {
  m: RegionMismatch;
  scale: number;
  active: boolean;
  dimmed: boolean;
  setActive: Props["setActive"];
}) {
  const to = m.database && project(m.database);
  const color = `var(--${m.severity ?? "unknown"})`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the row of the table does the same for the keyboard.
    <g opacity={dimmed ? 0.25 : 1} onMouseEnter={() => setActive(m.id)} onMouseLeave={() => setActive(null)}>
      <title>{`${m.siteName} (${m.id}): ${m.thingworx.map((t) => t.name).join(", ")} to ${m.database?.name ?? "unknown"}, ${way(m)}, ${m.severity ?? "no severity"}`}</title>
      {m.thingworx.map((t) => {
        const from = project(t);
        if (from === null) {
          return null;
        }
        const r = (active ? 6 : 4.5) * scale;
        return (
          <g key={t.region}>
            {to && (
              <>
                <path d={curve(from, to)} fill="none" stroke={color} strokeWidth={(active ? 3 : 2) * scale} />
                <path d={curve(from, to)} fill="none" stroke="transparent" strokeWidth={12 * scale} />
                <rect
                  x={to[0] - r}
                  y={to[1] - r}
                  width={2 * r}
                  height={2 * r}
                  fill="var(--mantine-color-body)"
                  stroke={color}
                  strokeWidth={2 * scale}
                />
              </>
            )}
            <circle
              cx={from[0]}
              cy={from[1]}
              r={r}
              fill={color}
              stroke="var(--mantine-color-body)"
              strokeWidth={scale}
            />
            <text
              x={from[0] + 8 * scale}
              y={from[1] + 14 * scale}
              fontSize={(active ? 14 : 12) * scale}
              fontWeight={600}
              fill="var(--mantine-color-text)"
              stroke="var(--sea)"
              strokeWidth={3 * scale}
              paintOrder="stroke"
            >
              {m.siteName}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function Legend() {
  return (
    <Group gap="md" mt={4}>
      <Text size="xs">● ThingWorx</Text>
      <Text size="xs">□ its database</Text>
      {severities.slice(0, 4).map((s) => (
        <Text key={s} size="xs">
          <span
            aria-hidden="true"
            style={{
              display: "inline-block",
              width: 20,
              height: 3,
              background: `var(--${s})`,
              verticalAlign: "middle",
              marginInlineEnd: 4,
            }}
          />
          {s}
        </Text>
      ))}
    </Group>
  );
}

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { fleetKey } from "./fleet";

export type Connection = "connecting" | "live" | "lost";

/** A change is shown after this long, so that changes that come together are read once. */
const settle = 500;
/** However many sites change, everything is read again at most this often. */
const rest = 2_000;
/** After this long a stream that the browser has given up is opened again. */
const reopen = 5_000;

/** Follows the server's events and has everything that shows the federation read again when it changed. */
export function useEvents(): Connection {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>("connecting");
  useEffect(() => {
    let source: EventSource | undefined;
    let reading: ReturnType<typeof setTimeout> | undefined;
    let opening: ReturnType<typeof setTimeout> | undefined;
    let readAt = 0;
    let interrupted = false;
    const changed = () => {
      reading ??= setTimeout(
        () => {
          reading = undefined;
          readAt = Date.now();
          queries.invalidateQueries({ queryKey: [fleetKey] });
        },
        Math.max(settle, readAt + rest - Date.now()),
      );
    };
    const open = () => {
      const s = new EventSource("/api/v1/events?types=fleet");
      source = s;
      s.onopen = () => {
        setConnection("live");
        if (interrupted) {
          interrupted = false;
          changed();
        }
      };
      s.onerror = () => {
        interrupted = true;
        setConnection("lost");
        // The browser opens a stream that broke again by itself, but not one that was answered with an error.
        if (s.readyState === EventSource.CLOSED) {
          opening = setTimeout(open, reopen);
        }
      };
      s.addEventListener("fleet", changed);
      s.addEventListener("reset", changed);
    };
    open();
    return () => {
      clearTimeout(reading);
      clearTimeout(opening);
      source?.close();
    };
  }, [queries]);
  return connection;
}

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { fleetKey } from "./fleet";

export type Connection = "connecting" | "live" | "lost";

/** Reads at most this often again, however many sites change at once. */
const settle = 500;

/** Follows the server's events and has everything that shows the federation read again when it changed. */
export function useEvents(): Connection {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>("connecting");
  useEffect(() => {
    const source = new EventSource("/api/v1/events?types=fleet");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        queries.invalidateQueries({ queryKey: [fleetKey] });
      }, settle);
    };
    let interrupted = false;
    source.onopen = () => {
      setConnection("live");
      if (interrupted) {
        changed();
      }
    };
    source.onerror = () => {
      interrupted = true;
      setConnection("lost");
    };
    source.addEventListener("fleet", changed);
    source.addEventListener("reset", changed);
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [queries]);
  return connection;
}

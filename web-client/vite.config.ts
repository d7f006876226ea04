import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// A server of your own, for `npm run dev` and `npx vite preview`.
const proxy = { "/api": process.env.MERIDIAN_SERVER ?? "http://127.0.0.1:8420" };

export default defineConfig({
  plugins: [react()],
  server: { proxy },
  preview: { proxy },
  build: { target: "es2022", sourcemap: false },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test/setup.ts"],
    // The files share their modules, which take longer to load than all tests to run; each test puts back what it changes.
    isolate: false,
    pool: "threads",
    // On a busy machine a page takes seconds.
    testTimeout: 20_000,
  },
});

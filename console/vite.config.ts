import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Relative paths: the server embeds the build and may serve it under any prefix.
export default defineConfig({
  base: './',
  plugins: [react()],
  build: { target: 'es2022', sourcemap: false, chunkSizeWarningLimit: 1500 },
  worker: { format: 'es' },
});

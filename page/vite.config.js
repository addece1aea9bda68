import { defineConfig } from 'vite'

// One classic script: it runs from a server and, put into one file, from file://, where modules may not be loaded.
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../src/regard/look/page',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    lib: { entry: 'src/main.tsx', formats: ['iife'], name: 'regard', fileName: () => 'page.js', cssFileName: 'page' },
  },
})

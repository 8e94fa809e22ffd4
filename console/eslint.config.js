// Lints of the console: what the compiler does not see.
import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

const BROWSER = ['Blob', 'OffscreenCanvas', 'createImageBitmap', 'document', 'getComputedStyle', 'sessionStorage', 'localStorage', 'window'];
const NODE = ['Buffer', 'URL', 'URLSearchParams', 'clearInterval', 'clearTimeout', 'fetch', 'process', 'setInterval', 'setTimeout', 'performance', 'structuredClone'];

export default ts.config(
  { ignores: ['dist', 'shots'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [ts.configs.strictTypeChecked, hooks.configs.flat['recommended-latest']],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in text are what most of the console is.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // The clock and the vans run on between renders, and what is drawn is what they are now.
      'react-hooks/purity': 'off',
      'react-hooks/refs': 'off',
      // Cards empty themselves when they are opened for another van or order.
      'react-hooks/set-state-in-effect': 'off',
    },
  },
  {
    // Tests run in Node, and some of their functions in the page.
    files: ['**/*.{js,mjs}'],
    rules: { 'no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }] },
    languageOptions: { globals: Object.fromEntries([...BROWSER, ...NODE].map((name) => [name, 'readonly'])) },
  },
  { rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error', 'no-console': 'error' } },
);

import { createRoot } from 'react-dom/client';
import { App } from './ui/App';
import 'maplibre-gl/dist/maplibre-gl.css';
import './style/base.css';
import './style/layout.css';
import './style/parts.css';

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);

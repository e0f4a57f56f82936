import type { Protocol } from '../protocol.ts';
import { acceptsStoredImage } from './acceptance.ts';
import { FTP_PORT, PAUSE_AFTER_FAILURE_MS, SETTLED_AFTER_MS } from './constants.ts';
import { PYCOM_FIELDS, readOptions } from './options.ts';
import { probePycom } from './probe.ts';
import { flashPycom } from './session.ts';

/** The update over FTP of Pycom's modules and of the WiPy 1. */
export const pycomFtp: Protocol = {
  name: 'pycom-ftp',
  summary:
    "Pycom's MicroPython modules (WiPy, LoPy, SiPy, GPy, FiPy) and the WiPy 1, over their FTP and telnet servers",
  options: PYCOM_FIELDS,
  minimumPauseMs: PAUSE_AFTER_FAILURE_MS,
  defaultPort: () => FTP_PORT,
  accepts: acceptsStoredImage,
  flash: flashPycom,
  probe: probePycom,
  /** Telnet greets with the version, unasked; without a reset there is no return to be seen. */
  signs: (values) => {
    const { reset, telnetPort } = readOptions(values);
    if (reset === 'none') return null;
    const place = { by: 'tcp', port: telnetPort } as const;
    return { returnBy: place, version: place, settledAfterMs: SETTLED_AFTER_MS };
  },
};

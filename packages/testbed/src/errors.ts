/** Every error of the testbed that a caller may want to tell apart. */
export type TestbedErrorCode =
  /** No Docker engine with images, no binaries, and no way to fetch them. */
  | 'BACKENDS_UNAVAILABLE'
  /** kill, wipe, freeze or thaw of a backend that was given by URL. */
  | 'BACKEND_NOT_OURS'
  /** The backend ended while it started. */
  | 'BACKEND_DIED'
  /** The backend did not answer before the deadline. */
  | 'BACKEND_SILENT'
  /** freeze or thaw of a backend that does not run. */
  | 'BACKEND_DOWN'
  /** Another program answers on the backend's port. */
  | 'BACKEND_IS_ANOTHER'
  | 'PORT_TAKEN'
  /** Another testbed that is alive uses the data folder. */
  | 'DATA_FOLDER_IN_USE'
  | 'FETCH_FAILED'
  | 'TESTBED_CONFIG_INVALID'
  | 'COMPONENT_NOT_OPENED';

export class TestbedError extends Error {
  readonly code: TestbedErrorCode;

  constructor(code: TestbedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TestbedError';
    this.code = code;
  }
}

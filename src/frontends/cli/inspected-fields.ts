import type { InspectedContainer } from '../../operations/inspect-container.ts';
import type { InspectedImage } from '../../operations/inspect.ts';
import { storeDriver } from '../../operations/describe-host.ts';
import { goStringMap } from './gotemplate/values.ts';

/**
 * An inspected image as templates see it: docker's is a Go struct, so that each field is there whether the image has it or not, with its zero
 * value. These are fields that can be named, and are not printed with the whole: `{{json .Config}}` has what the image has.
 */
export function inspectedFields(image: InspectedImage): object {
  return withZeros(
    { ...image, Config: configFields(image.Config ?? {}) },
    {
      ID: image.Id,
      Parent: '',
      Comment: '',
      DockerVersion: '',
      Author: '',
      Variant: '',
      OsVersion: '',
      VirtualSize: image.Size,
      // As docker answers with the containerd store: scripts ask for `.GraphDriver.Name`, and for the data only where they know the driver.
      GraphDriver: { Name: storeDriver, Data: null },
    },
  );
}

/** An inspected container as templates see it. */
export function inspectedContainerFields(container: InspectedContainer): object {
  const { HostConfig } = container;
  const host = withZeros(
    { ...HostConfig },
    { Annotations: nil({}), StorageOpt: nil({}), Tmpfs: nil({}), Sysctls: nil({}), Runtime: '', Mounts: nil([]), Init: null },
  );
  return withZeros(
    { ...container, HostConfig: host, Config: configFields(container.Config) },
    { ID: container.Id, SizeRw: null, SizeRootFs: null },
  );
}

function configFields(config: Readonly<Record<string, unknown>>): object {
  const labels = isMap(config['Labels']) ? goStringMap({ ...config['Labels'] }) : undefined;
  return withZeros({ ...config, ...(labels === undefined ? {} : { Labels: labels }) }, configZeros());
}

function configZeros(): Readonly<Record<string, unknown>> {
  return {
    User: '',
    ExposedPorts: nil({}),
    Env: nil([]),
    Entrypoint: nil([]),
    Cmd: nil([]),
    Volumes: nil({}),
    WorkingDir: '',
    Labels: goStringMap(nil({})),
    StopSignal: '',
    StopTimeout: null,
    ArgsEscaped: false,
    Healthcheck: null,
    OnBuild: nil([]),
    Shell: nil([]),
  };
}

/** A slice or map that is nil in Go: empty, and `null` as JSON. */
function nil<T extends object>(empty: T): T {
  return Object.defineProperty(empty, 'toJSON', { value: () => null });
}

function withZeros<T extends object>(object: T, zeros: Readonly<Record<string, unknown>>): T {
  for (const [name, value] of Object.entries(zeros)) if (!Object.hasOwn(object, name)) Object.defineProperty(object, name, { value });
  return object;
}

function isMap(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

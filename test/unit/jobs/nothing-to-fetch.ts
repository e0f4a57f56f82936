import { Deliveries, type DeliveryParts } from '../../../src/jobs/pull/deliveries.ts';
import { Publisher } from '../../../src/jobs/pull/publisher.ts';

/** The parts of an engine for devices that fetch by themselves, where there are none of those. */
export function nothingToFetch(shared: DeliveryParts): { deliveries: Deliveries; publisher: Publisher } {
  const deliveries = new Deliveries(shared);
  const publisher = new Publisher({
    ...shared,
    deliveries,
    protocols: new Map(),
    loadImage: () => Promise.reject(new Error('nothing is published here')),
    onSettled: () => Promise.resolve(),
    random: () => 0.5,
    onFatal: (error) => {
      throw error;
    },
  });
  return { deliveries, publisher };
}

import type { CachePolicy, EvictionPolicy, PolicyContext } from './eviction-policy.ts';
import { LfuPolicy, NoEviction, RandomPolicy, TtlPolicy } from './policy-by-sample.ts';
import { LruPolicy } from './policy-lru.ts';
import { S3FifoPolicy } from './policy-s3-fifo.ts';

export function createPolicy(name: CachePolicy, context: PolicyContext): EvictionPolicy {
  switch (name) {
    case 's3-fifo':
      return new S3FifoPolicy(context.cells);
    case 'lru':
      return new LruPolicy(context.cells);
    case 'lfu':
      return new LfuPolicy(context);
    case 'ttl':
      return new TtlPolicy(context);
    case 'random':
      return new RandomPolicy(context);
    case 'noeviction':
      return new NoEviction();
  }
}

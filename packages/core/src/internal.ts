/** For Holdfast's own checks, without any promise of stability: the rules, and a cache made with one of them off. */
export { type BusRules, busRules } from './bus/bus-rules.ts'
export { createCacheWith } from './create-cache.ts'
export { type Fence, fence } from './invalidation/fence.ts'
